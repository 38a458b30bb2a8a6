"""The receipt of a search for people: tables of what was spent and voted, sentences on other budgets.

What is shared out or estimated is called so. Answers and names come from a file: data, never markup.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tts_cli.cli.view import parts, tables
from tts_cli.cli.view.tables import PLAIN_WIDTH, Table
from tts_cli.cli.view.text import safe_text

if TYPE_CHECKING:
    from tts_cli.analysis.report import SearchReport
    from tts_cli.analysis.trace_analysis import CostShare
    from tts_cli.analysis.what_if import WhatIf

MOST_ANSWERS = 8
MOST_WINNERS = 3
LONGEST_ANSWER = 32


def picture(receipt: SearchReport) -> RenderableType:
    """For a terminal."""
    head = Text(parts.shown(receipt.record.problem[:2000]), style="italic")
    pieces: list[RenderableType] = [head, Text(), *map(Text, _intro(receipt)), Text()]
    pieces += [tables.drawn(table) for table in _tables(receipt)]
    pieces += [Text.assemble((f"{name}  ", "bold"), says) for name, says in _outlooks(receipt)]
    return Padding(Group(*pieces), (1, 1, 1, 1))


def plain(receipt: SearchReport) -> str:
    """For a pipe or a file."""
    sentences = [f"{name}: {says}" for name, says in _outlooks(receipt)]
    pieces = [_wrapped(_intro(receipt)), tables.plain(_tables(receipt)), _wrapped(sentences)]
    return "\n".join(piece for piece in pieces if piece)


def brief(receipt: SearchReport) -> str:
    """What `--quiet` prints: the two sentences on other budgets."""
    return "".join(f"{name}: {says}\n" for name, says in _outlooks(receipt))


def _wrapped(sentences: list[str]) -> str:
    return "".join(line + "\n" for sentence in sentences for line in textwrap.wrap(sentence, PLAIN_WIDTH))


def _intro(receipt: SearchReport) -> list[str]:
    record = receipt.record
    models = record.policy + (f" + {record.prm}" if record.prm else "")
    answer = "no answer" if record.answer is None else f"answer {_answer(record.answer)}"
    share = "" if record.confidence is None else f", confidence {record.confidence:.0%}"
    lines = [
        f"{answer} ({record.finish}{share})",
        f"{record.method}, N = {record.budget}, {models}, seed {record.seed}",
        f"why: {record.why}",
    ]
    return [parts.one_line(line) for line in lines]


def _tables(receipt: SearchReport) -> list[Table]:
    found = [_costs(receipt), _parts(receipt.by_fate, "Where the steps went"), _parts(receipt.by_depth, "By depth")]
    return [table for table in (*found, _vote(receipt)) if table.rows]


def _costs(receipt: SearchReport) -> Table:
    rows = [
        [cost.name, str(cost.tokens), _flops(cost.flops), "-" if cost.share is None else f"{100 * cost.share:.1f}"]
        for cost in receipt.costs
    ]
    rows.append(["together", str(sum(cost.tokens for cost in receipt.costs)), _flops(receipt.record.cost.flops), "100"])
    known = all(cost.flops is not None for cost in receipt.costs)
    note = "" if known else "How large the models are is not told, so the FLOPs cannot be shared out."
    return Table("Spent", ("", "tokens", "FLOPs", "% of FLOPs"), rows, note=note)


def _parts(found: list[CostShare], title: str) -> Table:
    rows = [
        [part.name, str(part.steps), str(part.tokens), f"{100 * part.share:.1f}", str(part.scored), _flops(part.flops)]
        for part in found
    ]
    note = "Tokens as sampled; those of samples that the trace does not hold are missing. FLOPs shared out by tokens, "
    note += "the PRM's by those of the steps it read. A step that several solutions share is counted once."
    return Table(title, ("", "steps", "tokens", "%", "scored", "FLOPs"), rows, note=note if "depth" in title else "")


def _vote(receipt: SearchReport) -> Table:
    rows = [
        [_answer(place.answer), str(place.count), f"{100 * place.counts:.1f}", f"{place.weight:.2f}",
         f"{100 * place.weighs:.1f}"]
        for place in receipt.vote[:MOST_ANSWERS]
    ]  # fmt: skip
    note = f"{_answer(receipt.vote[0].answer)} won: {receipt.lead}." if receipt.vote else ""
    more = len(receipt.vote) - MOST_ANSWERS
    note += f" {more} more answers are not shown." if more > 0 else ""
    select = receipt.rules.select if receipt.rules.told else f"assumed: {receipt.rules.select}"
    return Table(f"The vote ({select})", ("answer", "votes", "%", "weight", "%"), rows, note=note)


def _outlooks(receipt: SearchReport) -> list[tuple[str, str]]:
    return [("half the budget", _says(receipt.half)), ("twice the budget", _says(receipt.twice))]


def _says(outlook: WhatIf) -> str:
    kind = {"exact": "", "estimate": "an estimate: ", "unknown": "cannot be told: "}[outlook.kind]
    text = f"N = {outlook.budget}: {kind}{outlook.says}" if outlook.budget else f"{kind}{outlook.says}"
    if outlook.confidence is not None:
        text += f" Confidence {outlook.confidence:.0%}."
    if outlook.kind == "estimate":
        shown = [f"{_answer(one.answer)} {one.chance:.0%}" for one in outlook.winners[:MOST_WINNERS]]
        text += f" Winners: {', '.join(shown)}."
    return parts.one_line(text)


def _answer(text: str) -> str:
    line = " ".join(safe_text(text[: 4 * LONGEST_ANSWER]).split())
    return line if len(line) <= LONGEST_ANSWER else line[: LONGEST_ANSWER - 1] + "…"


def _flops(value: float | None) -> str:
    return "-" if value is None else parts.human(value)
