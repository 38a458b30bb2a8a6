"""`tts` with a calibration of tiny numbers: stages of 1, 2 and 4 samples, searches of 4, a wave of 4 problems.

Run as a program: python -m tests.cli.calibrating calibrate ...
"""

from __future__ import annotations

import sys

from pytest import MonkeyPatch

from tts_cli.cli import app
from tts_cli.cli import calibrate as command
from tts_cli.evaluation import calibrate, calibration_figures, collect

LEAST = 8
ROWS_PER_PROBLEM = 20


def shrink(patch: MonkeyPatch) -> None:
    for module in (calibrate, calibration_figures):
        patch.setattr(module, "STAGES", ((1, False), (2, False), (2, True), (4, True)))
    patch.setattr(calibrate, "BEST_OF_N", (1, 2, 4))
    patch.setattr(calibrate, "SEARCHES", (("beam", 4), ("dvts", 4)))
    patch.setattr(command, "LEAST", LEAST)
    patch.setattr(collect, "ROWS_PER_WAVE", 4 * ROWS_PER_PROBLEM)


if __name__ == "__main__":
    shrink(MonkeyPatch())
    sys.exit(app.run(sys.argv[1:]))
