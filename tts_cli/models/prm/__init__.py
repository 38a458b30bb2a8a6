"""PRMs as data: how a problem and its steps are laid out (formats), and where their scores are read (read_outs)."""
