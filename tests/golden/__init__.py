"""Golden records: what the program printed and wrote for a fixed list of command lines, and whether it still does."""
