"""The final answer of a solution: find it, compare it, vote on it.

extract -> Judge.equal / group -> vote. The judge is imported from `judge`: settings need the names of votes alone, not
how answers compare. Nothing here imports SymPy, math-verify or numpy into this process.
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
