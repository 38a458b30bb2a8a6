"""`python -m tests.parity`: the table of docs/prms.md. `--write` makes the fixtures again, which needs PyTorch."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.parity import fixtures_file

if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        fixtures_file.write()
    else:
        from tests.parity.comparison import table

        with tempfile.TemporaryDirectory() as folder:
            print(table(Path(folder)))
