"""The final answer of a solution: find it, compare it, vote on it.

extract -> Judge.equal / group -> vote. Nothing here imports SymPy, math-verify or numpy into this process.
"""

from tts_cli.answers.extract import extract, stated
from tts_cli.answers.judge import Judge
from tts_cli.answers.vote import Aggregate, Select, VoteClass, aggregate, group, vote

__all__ = [
    "Aggregate",
    "Judge",
    "Select",
    "VoteClass",
    "aggregate",
    "extract",
    "group",
    "stated",
    "vote",
]
