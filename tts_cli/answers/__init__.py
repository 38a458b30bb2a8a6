"""The final answer of a solution: find it, compare it, vote on it.

extract (with `finding`) -> Judge.equal / group -> vote. A judge reads both answers (`reading`) and compares them
(`compare`): by exact arithmetic (`evaluate`, `algebra`), else with SymPy in a worker process (`symbolic`). It is
imported from `judge`: settings need the names of votes alone. Nothing here imports SymPy or numpy into this process.
"""

from tts_cli.answers.extract import Extracted, How, extract, find_answer, stated
from tts_cli.answers.vote import Aggregate, Select, VoteClass, aggregate, group, vote

__all__ = [
    "Aggregate",
    "Extracted",
    "How",
    "Select",
    "VoteClass",
    "aggregate",
    "extract",
    "find_answer",
    "group",
    "stated",
    "vote",
]
