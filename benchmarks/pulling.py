"""How much a pull fetches twice when it is killed with SIGKILL at random moments.

    python -m benchmarks.pulling --megabytes 200 --kills 20 --seed 1

The Hub is one on the loopback interface that sends no faster than it is read, so that what it sent is what was fetched.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import tempfile
from pathlib import Path

from tests.hub.fake_hub import FakeHub, serving
from tests.hub.killing import pull_through_kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    data = random.Random(arguments.seed).randbytes(arguments.megabytes * 1_000_000)
    with tempfile.TemporaryDirectory() as folder, serving(FakeHub({"big-Q8_0.gguf": data}, pace=0.002)) as hub:
        path = pull_through_kills(hub, Path(folder), len(data), arguments.kills, arguments.seed)
        same = hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
    twice = 100 * (hub.sent - len(data)) / len(data)
    print(
        f"{arguments.megabytes} MB, {arguments.kills} kills: hash {'right' if same else 'WRONG'}, {twice:.2f} % twice"
    )
    raise SystemExit(0 if same else 1)


if __name__ == "__main__":
    main()
