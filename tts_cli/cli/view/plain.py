"""A result as plain text, for a pipe or a file: the chosen solution as the model wrote it, then the answer.

    12 - 5 = 7
    4 * 7 = 28
    37 + 28 = \\boxed{65}

    Answer: 65

No ANSI, no drawing; control characters in the text are made visible. The last line is always the answer's.
"""

from __future__ import annotations

from tts_cli.cli.view import parts
from tts_cli.cli.view.text import safe_text
from tts_cli.costs import human
from tts_cli.data.record import Record
from tts_cli.search.events import Decided


def result(record: Record) -> str:
    """The text for stdout, with its last newline."""
    solution = safe_text(record.solution).strip("\n") if record.solution else ""
    head = f"{solution}\n\n" if solution else ""
    return f"{head}Answer: {answer(record) or f'none ({record.finish})'}\n"


def answer(record: Record) -> str:
    """The bare answer on one line; empty where there is none."""
    return " ".join(safe_text(record.answer).split()) if record.answer is not None else ""


def summary(record: Record) -> str:
    """One line for stderr: what was done, how sure it is, what it cost."""
    confidence = f", confidence {record.confidence:.0%}" if record.confidence is not None else ""
    difficulty = f", {record.difficulty}" if record.difficulty else ""
    total = sum(vote.count for vote in record.votes)
    votes = f", {record.votes[0].count} of {total} votes" if total > 1 else ""
    return f"{record.method}, N = {record.budget}{difficulty}{votes}{confidence}, {cost(record)}"


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
    return text + (f", {parts.seconds(spent.seconds)}" if spent.seconds else "")
