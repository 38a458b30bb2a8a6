"""Makes the README's picture, docs/solve.svg, from a real run: `python -m docs.picture ["PROBLEM"]`.

Drawn are the live tree as it stood late in the search, and the picture that the search leaves behind.
"""

from __future__ import annotations

import re
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tts_cli.analysis.tree import TreeState
from tts_cli.cli.view.final import picture
from tts_cli.cli.view.live import LiveLimits, frame
from tts_cli.solver import Solver
from tts_cli.solving.solve import Solved

PROBLEM = (
    "A cup costs 12 dollars and a hat costs 4 dollars. Mia buys 5 cups and 6 hats and pays with 200 dollars. "
    "How many dollars are left?"
)
TARGET = Path(__file__).with_name("solve.svg")
WIDTH, HEIGHT = 100, 18
MOMENT = 0.8  # of the search's events: where the live tree is drawn


def main(problem: str) -> None:
    """Solve, draw, and write the SVG."""
    with Solver(method="beam", budget=16) as solver:
        solved = solver.search(problem)
        assert solver.prm is not None
        limits = LiveLimits(policy_parameters=solver.policy.parameters, prm_parameters=solver.prm.parameters)
    TARGET.write_text(svg(problem, solved, limits), encoding="utf-8")
    print(f"{TARGET}: {solved.record.answer}")


def svg(problem: str, solved: Solved, limits: LiveLimits) -> str:
    """The terminal as a picture, without the web font that Rich would have it load."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True, markup=False, highlight=False)
    command = f'tts solve --method {solved.record.method} -n {solved.record.budget} "{problem}"'
    console.print(Text.assemble(("$ ", "dim"), (command, "bold")), Text())
    then = TreeState(solved.events[: int(len(solved.events) * MOMENT)])
    console.print(frame(then, limits, solved.record.cost.seconds * MOMENT, WIDTH, HEIGHT))
    console.print(Text("\n…\n", style="dim"))
    console.print(picture(solved.record, TreeState(solved.events).chosen()))
    drawn = console.export_svg(title="tts solve", unique_id="tts")
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else PROBLEM)
