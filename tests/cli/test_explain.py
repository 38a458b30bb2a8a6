"""`tts explain`: from a real trace, from a record, and from what is neither."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.analysis.test_trace_analysis import Same, best_of_four
from tests.cli import scripted
from tests.cli.conftest import Here, Program
from tests.cli.scripted import HOSTILE, PROBLEM
from tts_cli.analysis import report
from tts_cli.cli.view import explain as view
from tts_cli.data.trace import Trace, dump
from tts_cli.search.events import Event, to_json

VOTES = [{"answer": "6", "count": 2, "weight": 1.0}, {"answer": "5", "count": 2, "weight": 0.8}]
UNSAFE = "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]"


def a_record(**changes: object) -> Any:
    return scripted.record(**{"method": "best-of-n", "budget": 4, "votes": VOTES, "answer": "6", **changes})


def saved(path: Path, events: list[Event] | None = None, settings: Any = None, **changes: object) -> str:
    rows = [to_json(event) for event in (best_of_four() if events is None else events)]
    path.write_text(dump(Trace(tts="1", settings=settings or {}, record=a_record(**changes), events=rows)))
    return str(path)


def test_a_trace_is_explained(here: Here, tmp_path: Path) -> None:
    done = here("explain", saved(tmp_path / "t.json"))
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("Spent", "Where the steps went", "By depth", "The vote (weighted)", "6 won: the scores"):
        assert words in done.stdout
    assert "half the budget: N = 2: 6, the same answer, by the vote of the first 2 samples. Confidence" in done.stdout
    assert "twice the budget: N = 8: an estimate: the chance that 4 more samples" in done.stdout


def test_a_real_search_is_explained(here: Here, tts: Program) -> None:
    here("solve", "-q", "--trace", "t.json", "-n", "8", PROBLEM)
    done = here("explain", "--json", "t.json")
    found = json.loads(done.stdout)
    assert found["traced"] and found["record"]["problem"] == PROBLEM
    assert found["half"]["kind"] == "exact" and found["half"]["budget"] == 4
    assert sum(cost["flops"] for cost in found["costs"]) == pytest.approx(found["record"]["cost"]["flops"])
    assert 0 < sum(place["count"] for place in found["vote"]) <= found["voters"]


def test_a_record_shows_less_and_says_so(here: Here) -> None:
    done = here("explain", "-", stdin=a_record().model_dump_json() + "\n")
    assert done.returncode == 0
    assert "By depth" not in done.stdout
    assert "The vote (assumed: weighted)" in done.stdout
    assert "half the budget: N = 2: an estimate:" in done.stdout
    assert "which samples came first is not known" in " ".join(done.stdout.split())


def test_quiet_prints_the_two_other_budgets(here: Here, tmp_path: Path) -> None:
    done = here("explain", "-q", saved(tmp_path / "t.json", method="beam"))
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["half the budget", "twice the budget"]
    assert done.stdout.count("another search") == 2


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", 1, "not JSON"),
        ("{}", 1, 'no "format"'),
        ("[1]", 1, "not a JSON object"),
        ('{"format": "tts-trace", "version": 2}', 1, "version 2"),
        ("\n".join([a_record().model_dump_json()] * 2), 2, "holds 2 lines"),
        (a_record().model_dump_json().replace('"best-of-n"', "7"), 1, "method"),
        (a_record().model_dump_json().replace('"count":2', '"count":-2'), 1, "makes no sense"),
    ],
)
def test_what_is_neither_is_refused(here: Here, text: str, code: int, says: str) -> None:
    done = here("explain", "-", stdin=text)
    assert (done.returncode, done.stdout) == (code, "")
    assert re.fullmatch(r"error: .+\nhint: .+\n", done.stderr)
    assert says in done.stderr


def test_cut_and_damaged_traces_are_refused(here: Here, tmp_path: Path) -> None:
    path = Path(saved(tmp_path / "t.json"))
    whole = path.read_text()
    for broken in (whole[: len(whole) // 2], whole.replace('"parent": 2', '"parent": 77')):
        path.write_text(broken)
        done = here("explain", str(path))
        assert (done.returncode, done.stdout) == (1, "")
        assert "not JSON" in done.stderr or "there is no step 77" in done.stderr
    assert here("explain", str(tmp_path / "absent.json")).returncode == 1


@pytest.mark.parametrize("settings", [{"select": "coin"}, {"aggregate": 3}])
def test_hostile_settings_are_refused(here: Here, tmp_path: Path, settings: Any) -> None:
    done = here("explain", saved(tmp_path / "t.json", settings=settings))
    assert done.returncode == 1 and "makes no sense" in done.stderr


@pytest.mark.parametrize("width", [80, 40])
def test_nothing_from_a_file_draws_on_the_terminal(width: int) -> None:
    votes = [{"answer": HOSTILE, "count": 3, "weight": 2.0}, {"answer": "[b]" + "9" * 900, "count": 1, "weight": 0.5}]
    record = a_record(problem=HOSTILE, answer=HOSTILE, votes=votes, why=HOSTILE, policy=HOSTILE)
    found = report.explain(record, None, None, Same())
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, markup=False)
    console.print(view.picture(found))
    drawn = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())  # type: ignore[attr-defined]
    assert max(map(len, drawn.splitlines())) <= width
    for text in (drawn, view.plain(found), view.brief(found)):
        assert not re.search(UNSAFE, text)
        assert "[red]bold" in text
