"""The final answer of a solution: find it, compare it, vote on it, show it.

extract -> Judge.equal / group -> vote. Nothing here imports SymPy, math-verify or numpy into this process.
"""

from tts_cli.answers.extract import extract, stated
from tts_cli.answers.judge import Judge
from tts_cli.answers.vote import Aggregate, Select, VoteClass, aggregate, group, vote
from tts_cli.cli.view.text import safe_text, to_unicode

__all__ = [
    "Aggregate",
    "Judge",
    "Select",
    "VoteClass",
    "aggregate",
    "extract",
    "group",
    "safe_text",
    "stated",
    "to_unicode",
    "vote",
]
