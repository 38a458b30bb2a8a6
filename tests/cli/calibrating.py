"""`tts` with a calibration of tiny numbers: stages of 1, 2 and 4 samples, searches of 4, a wave of 4 problems.

Run as a program: python -m tests.cli.calibrating calibrate ...
"""

from __future__ import annotations

import sys

from pytest import MonkeyPatch

from tts_cli.cli import app
from tts_cli.evaluation import calibrate, collect, observations

LEAST = 8
ROWS_PER_PROBLEM = 20


def shrink(patch: MonkeyPatch) -> None:
    patch.setattr(observations, "STAGES", ((1, False), (2, False), (2, True), (4, True)))
    patch.setattr(observations, "BEST_OF_N", (1, 2, 4))
    patch.setattr(observations, "SEARCHES", (("beam", 4), ("dvts", 4)))
    patch.setattr(calibrate, "LEAST", LEAST)
    patch.setattr(collect, "ROWS_PER_WAVE", 4 * ROWS_PER_PROBLEM)


if __name__ == "__main__":
    shrink(MonkeyPatch())
    sys.exit(app.run(sys.argv[1:]))
