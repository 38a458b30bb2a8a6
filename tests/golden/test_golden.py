"""The program still prints and writes what it did when the golden records were made.

A failure names the command and shows the difference. Where the change is meant, name it in `exceptions.py`, or make the
record anew: `python -m tests.golden record tests/golden/records --only NAME`.
"""

from __future__ import annotations

import json
import re
from functools import cache

import pytest

from tests.golden import shape
from tests.golden.case import Case
from tests.golden.commands import CASES
from tests.golden.comparing import diff
from tests.golden.exceptions import EXCEPTIONS, Meant, with_exceptions
from tests.golden.machine import machine
from tests.golden.normal import without_load
from tests.golden.recording import HERE, read, record, written

RECORDS = HERE / "records"
QUICK = [case for case in CASES if not case.slow]


@cache
def now(group: str) -> dict[str, str]:
    """The records of a group as this checkout makes them."""
    return record([case for case in QUICK if case.group == group])[0]


def recorded(name: str) -> str:
    return (RECORDS / f"{name}.txt").read_text(encoding="utf-8")


def same_machine() -> bool:
    return bool(json.loads((RECORDS / "machine.json").read_text()) == machine())


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_command_does_what_it_did(case: Case) -> None:
    old, new = with_exceptions(case.name, recorded(case.name)), now(case.group)[case.name]
    if old == new:
        return
    if not case.model or same_machine():
        pytest.fail(diff(case.name, old, new), pytrace=False)
    if found := shape.differences(old, new):
        pytest.fail("\n".join(found), pytrace=False)


def test_every_case_has_a_record_and_every_record_a_case() -> None:
    assert sorted(path.stem for path in RECORDS.glob("*.txt")) == sorted(case.name for case in QUICK)


@pytest.mark.parametrize("meant", EXCEPTIONS, ids=lambda meant: meant.reason)
def test_every_exception_is_needed(meant: Meant) -> None:
    texts = [recorded(case.name) for case in QUICK if re.fullmatch(meant.cases, case.name)]
    if not texts:
        assert any(re.fullmatch(meant.cases, case.name) for case in CASES if case.slow)
        return  # no record is kept of a slow case
    assert any(re.search(meant.old, text) for text in texts)


def test_a_record_can_be_read_back() -> None:
    for case in QUICK:
        assert written(read(recorded(case.name))) == recorded(case.name)


OLD = '$ tts solve --json x\nexit code: 0\nstdout:\n  {"answer": "1", "votes": [{"count": 2}], "error": null}\n'
SAME = OLD.replace('"1"', '"27"').replace('[{"count": 2}]', "[]").replace("null", '{"kind": "x"}')


@pytest.mark.parametrize(
    ("old", "new"), [('"answer"', '"result"'), ('"count"', '"number"'), ("code: 0", "code: 3"), ("stdout", "stderr")]
)
def test_another_form_is_noticed_and_another_text_is_not(old: str, new: str) -> None:
    assert shape.differences(OLD, SAME) == []
    assert shape.differences(OLD, OLD.replace(old, new))
    assert diff("x", OLD, OLD.replace(old, new))


def test_a_busy_machine_leaves_no_trace_in_a_record() -> None:
    fix = f"{' ' * 14}fix: Close other programs.\n"
    warned = f"warn  load    0.1 of 2 cores are free\n{fix}"
    assert without_load(f"ok    tts     1\n{warned}ok    config  none\n") == "ok  tts     1\nok  config  none\n"
    kept = f"warn  memory  0.1 GB\n{fix}"
    assert without_load(f"ok    tts     1\n{warned}{kept}") == f"ok    tts     1\n{kept}"
    assert without_load(warned) == ""
    checks = [{"name": name, "status": "warn", "detail": 'a "b"', "fix": ""} for name in ("tts", "load", "config")]
    assert json.loads(without_load(json.dumps(checks))) == [checks[0], checks[2]]
