"""The final answer of a solution: find it, compare it, vote on it.

extract -> Judge.equal / group -> vote. Nothing here imports SymPy, math-verify or numpy into this process.
"""

from typing import TYPE_CHECKING, Any

from tts_cli.answers.extract import extract, stated
from tts_cli.answers.vote import Aggregate, Select, VoteClass, aggregate, group, vote

if TYPE_CHECKING:
    from tts_cli.answers.judge import Judge

__all__ = ["Aggregate", "Judge", "Select", "VoteClass", "aggregate", "extract", "group", "stated", "vote"]


def __getattr__(name: str) -> Any:
    """The judge is imported when it is first asked for: settings need the names of votes, not how answers compare."""
    if name == "Judge":
        from tts_cli.answers.judge import Judge

        return Judge
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
