"""A finished search, as `tts solve` and `tts show` print it: JSON, the bare answer, a picture (final.py) or plain text.

Plain text is for a pipe or a file: the chosen solution as the model wrote it, then the answer on the last line; no
ANSI, and no control characters. Where no solution comes to an answer, the best attempt goes to stderr. Rich is loaded
for the picture only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.view.text import safe_text
from tts_cli.costs import human, seconds
from tts_cli.data.record import Record
from tts_cli.search.events import Decided

if TYPE_CHECKING:
    from tts_cli.analysis.tree import TreeState

LONGEST_ATTEMPT, MOST_LINES = 2000, 24


def present(channels: Channels, record: Record, tree: Callable[[], TreeState]) -> None:
    """In the form that the channels ask for. `tree` is asked for the picture only."""
    if channels.json:
        emit_json(record.model_dump_json(exclude={"input"} if record.input is None else None))
    elif channels.quiet:
        emit(f"{answer(record)}\n" if record.answer is not None else "")
    elif channels.rich_out:
        from tts_cli.cli.view.final import picture

        state = tree()
        channels.draw(picture(record, state.chosen(), state.decided, state.refuted))
    else:
        if is_attempt(record):
            channels.note(f"The model wrote:\n{_end(record.solution or '')}\n")
        emit(plain(record))


def is_attempt(record: Record) -> bool:
    """Is its solution one that comes to no answer?"""
    return bool(record.solution) and record.answer is None and not record.votes


def _end(text: str) -> str:
    """The last lines of what was written."""
    text = safe_text(text).strip("\n")
    end = "\n".join(text[-LONGEST_ATTEMPT:].splitlines()[-MOST_LINES:])
    return end if len(end) == len(text) else "… " + end.lstrip("\n")


def plain(record: Record) -> str:
    """The text for a pipe or a file, with its last newline. What comes to no answer is no result, and left out."""
    solution = safe_text(record.solution).strip("\n") if record.solution and not is_attempt(record) else ""
    head = f"{solution}\n\n" if solution else ""
    return f"{head}Answer: {answer(record) or f'none ({record.finish})'}\n"


def answer(record: Record) -> str:
    """The bare answer on one line; empty where there is none."""
    return " ".join(safe_text(record.answer).split()) if record.answer is not None else ""


def summary(record: Record) -> str:
    """One line for stderr: what was done, how sure it is, what it cost."""
    total = sum(vote.count for vote in record.votes)
    support = f", {record.votes[0].count} of {total} votes" if total > 1 else ""
    confidence = f", confidence {record.confidence:.0%}" if record.confidence is not None else ""
    difficulty = f", {record.difficulty}" if record.difficulty else ""
    return f"{record.method}, N = {record.budget}{difficulty}{support}{confidence}, {cost(record)}"


def how(record: Record, decided: Decided | None, more: str = "") -> list[str]:
    """What was done and why, for a picture: of `auto` what it made of the problem comes first, on a line of its own."""
    models = record.policy + (f" + {record.prm}" if record.prm else "")
    done = f"{record.method}, N = {record.budget}, {models}{more}"
    if decided is None:
        return [f"{done}: {record.why}"]
    return [f"{record.difficulty} · {record.why}" if record.difficulty else record.why, done]


def cost(record: Record) -> str:
    """Tokens through both models, FLOPs, and wall time where it is known (a trace does not keep it)."""
    spent = record.cost
    text = f"{spent.policy_prompt_tokens} prompt + {spent.policy_tokens} policy + {spent.prm_tokens} PRM tokens"
    text += f", {human(spent.flops)}FLOP"
    return text + (f", {seconds(spent.seconds)}" if spent.seconds else "")
