"""The report on a finished search: tables of what was spent and voted, sentences on other budgets.

What is shared out or estimated is called so. Answers and names come from a file: data, never markup.
"""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tts_cli.analysis.report import SearchReport
from tts_cli.analysis.trace_analysis import CostShare
from tts_cli.analysis.what_if import WhatIf
from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.view import parts, tables
from tts_cli.cli.view.tables import PLAIN_WIDTH, Table
from tts_cli.cli.view.text import safe_text
from tts_cli.costs import human

MOST_ANSWERS = 8
MOST_WINNERS = 3
LONGEST_ANSWER = 32


def present(channels: Channels, report: SearchReport) -> None:
    """As one JSON document, the two sentences on other budgets alone (`--quiet`), drawn, or as plain text."""
    if channels.json:
        fields = asdict(report)
        fields["rules"]["told"] = fields["rules"].pop("known")  # the key that scripts rely on
        fields["record"] = report.record.model_dump(mode="json", exclude={"votes", "input"})
        emit_json(json.dumps(fields, ensure_ascii=False))
    elif channels.quiet:
        emit(brief(report))
    elif channels.rich_out:
        channels.draw(picture(report))
    else:
        emit(plain(report))


def picture(report: SearchReport) -> RenderableType:
    """For a terminal."""
    head = Text(parts.shown(report.record.problem[:2000]), style="italic")
    pieces: list[RenderableType] = [head, Text(), *map(Text, _intro(report)), Text()]
    pieces += [tables.drawn(table) for table in _tables(report)]
    pieces += [Text.assemble((f"{name}  ", "bold"), says) for name, says in _other_budgets(report)]
    return Padding(Group(*pieces), (1, 1, 1, 1))


def plain(report: SearchReport) -> str:
    """For a pipe or a file."""
    sentences = [f"{name}: {says}" for name, says in _other_budgets(report)]
    pieces = [_wrapped(_intro(report)), tables.plain(_tables(report)), _wrapped(sentences)]
    return "\n".join(piece for piece in pieces if piece)


def brief(report: SearchReport) -> str:
    """What `--quiet` prints: the two sentences on other budgets."""
    return "".join(f"{name}: {says}\n" for name, says in _other_budgets(report))


def _wrapped(sentences: list[str]) -> str:
    return "".join(line + "\n" for sentence in sentences for line in textwrap.wrap(sentence, PLAIN_WIDTH))


def _intro(report: SearchReport) -> list[str]:
    record = report.record
    models = record.policy + (f" + {record.prm}" if record.prm else "")
    answer = "no answer" if record.answer is None else f"answer {_answer(record.answer)}"
    share = "" if record.confidence is None else f", confidence {record.confidence:.0%}"
    lines = [
        f"{answer} ({record.finish}{share})",
        f"{record.method}, N = {record.budget}, {models}, seed {record.seed}",
        f"why: {record.why}",
    ]
    return [parts.verbatim(line) for line in lines]


def _tables(report: SearchReport) -> list[Table]:
    found = [_costs(report), _parts(report.by_fate, "Where the steps went"), _parts(report.by_depth, "By depth")]
    return [table for table in (*found, _vote(report)) if table.rows]


def _costs(report: SearchReport) -> Table:
    rows = [
        [cost.name, str(cost.tokens), _flops(cost.flops), "-" if cost.share is None else f"{100 * cost.share:.1f}"]
        for cost in report.costs
    ]
    rows.append(["together", str(sum(cost.tokens for cost in report.costs)), _flops(report.record.cost.flops), "100"])
    known = all(cost.flops is not None for cost in report.costs)
    note = "" if known else "How large the models are is not known, so the FLOPs cannot be shared out."
    return Table("Spent", ("", "tokens", "FLOPs", "% of FLOPs"), rows, note=note)


def _parts(found: list[CostShare], title: str) -> Table:
    rows = [
        [part.name, str(part.steps), str(part.tokens), f"{100 * part.share:.1f}", str(part.scored), _flops(part.flops)]
        for part in found
    ]
    note = "Tokens as sampled; those of samples that the trace does not hold are missing. FLOPs shared out by tokens, "
    note += "the PRM's by those of the steps it read. A step that several solutions share is counted once."
    return Table(title, ("", "steps", "tokens", "%", "scored", "FLOPs"), rows, note=note if "depth" in title else "")


def _vote(report: SearchReport) -> Table:
    rows = [
        [_answer(place.answer), str(place.count), f"{100 * place.counts:.1f}", f"{place.weight:.2f}",
         f"{100 * place.weighs:.1f}"]
        for place in report.vote[:MOST_ANSWERS]
    ]  # fmt: skip
    note = f"{_answer(report.vote[0].answer)} won: {report.lead}." if report.vote else ""
    more = len(report.vote) - MOST_ANSWERS
    note += f" {more} more answers are not shown." if more > 0 else ""
    select = report.rules.select if report.rules.known else f"assumed: {report.rules.select}"
    return Table(f"The vote ({select})", ("answer", "votes", "%", "weight", "%"), rows, note=note)


def _other_budgets(report: SearchReport) -> list[tuple[str, str]]:
    return [("half the budget", _says(report.half)), ("twice the budget", _says(report.twice))]


def _says(what_if: WhatIf) -> str:
    kind = {"exact": "", "estimate": "an estimate: ", "unknown": "cannot be said: "}[what_if.kind]
    text = f"N = {what_if.budget}: {kind}{what_if.says}" if what_if.budget else f"{kind}{what_if.says}"
    if what_if.confidence is not None:
        text += f" Confidence {what_if.confidence:.0%}."
    if what_if.kind == "estimate":
        shown = [f"{_answer(one.answer)} {one.chance:.0%}" for one in what_if.winners[:MOST_WINNERS]]
        text += f" Winners: {', '.join(shown)}."
    return parts.one_line(text)


def _answer(text: str) -> str:
    line = " ".join(safe_text(text[: 4 * LONGEST_ANSWER]).split())
    return line if len(line) <= LONGEST_ANSWER else line[: LONGEST_ANSWER - 1] + "…"


def _flops(value: float | None) -> str:
    return "-" if value is None else human(value)
