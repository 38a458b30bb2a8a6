"""What is drawn while steps are being written: by scripted searches, by a real one, and on a pseudo-terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from tests.cli import scripted
from tests.cli.conftest import Program
from tests.cli.screen import Screen
from tests.cli.test_terminal import finish, live_part
from tts_cli.analysis.tree import TreeState
from tts_cli.cli.view import live, wrapping
from tts_cli.data import trace
from tts_cli.protocols import Contention
from tts_cli.search.events import Event, SolutionFinished, StepSampled, StepScored, StepUnderWay
from tts_cli.solver import Solver

LIMITS = live.LiveLimits(select="majority", max_time=90, policy_parameters=500_000_000)
SIZES = [(80, 24), (120, 40)]
PROSE = "To find out how many clips she sold in May, we take half of those that she sold in April. "


def drawn(events: Sequence[Event], now: live.Now, width: int, height: int) -> list[str]:
    lines = live.frame(TreeState(events), LIMITS, 30.0, width, height - 1, now=now).plain.split("\n")
    assert len(lines) <= height - 1
    assert all(cell_len(line) <= width for line in lines)
    return lines


def writing(parents: Sequence[int], words: int = 60) -> live.Now:
    text = " ".join((PROSE * 9).split()[:words])
    steps = [
        StepUnderWay(parent, (max(parent - 1, 0), place), f"{text} {place}th end", 10 + place)
        for place, parent in enumerate(parents)
    ]
    return live.Now(steps, speed=12.0)


def voted() -> list[Event]:
    """Sixteen samples: five finished, with two answers and none; eleven in their second paragraph."""
    events: list[Event] = [scripted.started("majority", 16, PROSE * 3)]
    for place in range(16):
        ended = place < 5
        events.append(StepSampled(place + 1, 0, PROSE * 2, 40, "boxed" if ended else "step", branch=place))
        if ended:
            events.append(SolutionFinished(place + 1, ["72", "96", "72", None, "72"][place], None))
    return events


def kept() -> list[Event]:
    """A beam after its first steps: four of sixteen paragraphs are kept."""
    events: list[Event] = [scripted.started("beam", 16, PROSE * 3)]
    for step in range(1, 5):
        events += [StepSampled(step, 0, f"{step}. {PROSE * 3}", 60, "step"), StepScored(step, 0.5 + step / 10)]
    return events


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("words", [4, 60])
def test_every_sample_is_seen_and_no_line_is_wasted(width: int, height: int, words: int) -> None:
    lines = drawn(voted(), writing(range(6, 17), words), width, height)
    shown = "\n".join(lines)
    assert [int(number) for number in re.findall(r"^ *(\d+)  (?:■|□| {2})", shown, re.MULTILINE)] == list(range(1, 17))
    assert all(re.search(rf"{50 + place} tok .*", shown) for place in range(11)), "tokens of both its steps"
    assert all(f"{place}th end" in shown for place in range(11)), "the end of what is being written"
    assert len(re.findall(r"■ 72 ", shown)) == 3 and "■ 96" in shown and "□" in shown
    assert re.search(r"^vote +72 +█+ +3$", shown, re.MULTILINE) and re.search(r"^ +96 .*1$", shown, re.MULTILINE)
    assert "…" in shown, "what was cut says so"
    assert len(lines) == height - 1


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_what_is_written_after_each_kept_branch_is_seen(width: int, height: int) -> None:
    lines = drawn(kept(), writing([step for step in range(1, 5) for _ in range(4)]), width, height)
    shown = "\n".join(lines)
    assert len(lines) == height - 1
    for step in range(1, 5):
        first = next(place for place, line in enumerate(lines) if f" {step}. To find" in line)
        assert f"{0.5 + step / 10:.2f} " in lines[first]
        assert re.search(r"^ {15}[│ ] {2}\S", lines[first + 1]), "a paragraph has more than one line"
        assert re.search(rf"[├└]─ .*\n?(.*\n){{0,2}}.*{4 * step - 4}th end", shown), "its first successor"
    written = shown.count("th end")
    hidden = re.search(r"\+ (\d+) more branches", shown)
    assert written + (int(hidden[1]) if hidden else 0) == 16
    assert written == 16 or height < 40


@pytest.mark.parametrize(("width", "height"), [*SIZES, (40, 15), (20, 5), (1, 1)])
@pytest.mark.parametrize("events", [[], voted(), kept(), [scripted.started("greedy", 1)]])
def test_what_is_written_never_overflows(events: list[Event], width: int, height: int) -> None:
    known = [0, *(event.step for event in events if isinstance(event, StepSampled))]
    for words in (0, 1, 200):
        drawn(events, writing(known * 3, words), width, max(height, 2))


def test_one_sample_is_shown_as_a_text() -> None:
    events = [scripted.started("greedy", 1), StepSampled(1, 0, "First, we divide.\n\nThen, we add.", 9, "step")]
    lines = drawn(events, live.Now([StepUnderWay(1, (0,), "So it is $\\frac{48}{2}$ and", 7)]), 80, 24)
    assert lines[2:5] == ["First, we divide.", "Then, we add.", "So it is 48/2 and"]


def test_half_a_formula_is_shown_without_its_mark() -> None:
    for text in ("we have \\(3 + 4", "we have \\[ 3 + 4", "we have 3 + 4 \\"):
        now = live.Now([StepUnderWay(0, (0,), text, 7)])
        assert drawn([scripted.started("greedy", 1)], now, 80, 24)[2].split() == ["we", "have", "3", "+", "4"]


def test_what_is_written_sends_nothing_to_a_terminal() -> None:
    for method in ("greedy", "majority", "beam"):
        now = live.Now([StepUnderWay(0, (place,), scripted.HOSTILE, 3) for place in range(2)])
        shown = "\n".join(drawn([scripted.started(method)], now, 120, 24))
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
        assert "[red]bold[/red]" in shown


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_reason_of_slowness_is_said(width: int, height: int) -> None:
    busy = live.Now(contention=Contention(1.84, 2), speed=12.0)
    assert "12 tok/s · other programs use 1.8 of 2 cores" in "\n".join(drawn(voted(), busy, width, height))
    assert "other programs" not in "\n".join(drawn(voted(), writing([0]), width, height))


def test_the_reason_of_slowness_is_the_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pace:
        others, contended = 1.5, True

    with Solver(policy="nano", method="greedy", threads=1) as solver:
        view = live.LiveTree(Console(file=io.StringIO(), force_terminal=True, width=80, height=24))
        view.show_limits(solver.settings, solver)
        monkeypatch.setattr(type(solver.policy.engine), "pace", Pace)  # type: ignore[attr-defined]
        found = view.look().contention
        assert found is not None and found.others == 1.5 and found.cores >= 1
        monkeypatch.setattr(Pace, "contended", False)
        assert view.look().contention is None


@pytest.mark.parametrize("method", ["greedy", "majority", "best-of-n", "beam", "dvts", "best-first", "auto"])
def test_every_method_shows_a_step_before_it_ends(method: str) -> None:
    """The texts so far lead up to the steps that the events bring, and nothing of them is in the events."""
    seen: set[tuple[int, str]] = set()
    with Solver(policy="nano", method=method, budget=4, threads=1) as solver:
        solved = solver.search(
            "Compute 37 + 4 * (12 - 5).",
            on_decode=lambda: seen.update((step.parent, step.text) for step in solver.steps_under_way()),
        )
        assert solver.steps_under_way() == []
    steps = {(event.parent, event.text) for event in solved.events if isinstance(event, StepSampled)}
    for parent, text in steps:
        parts = {part for after, part in seen if after == parent and text.startswith(part)}
        assert len(parts) > min(len(text) // 8, 3), "it grew"


@given(st.text("ab 😀漢\n", max_size=200), st.integers(1, 30), st.integers(1, 8))
def test_texts_stay_within_their_lines(text: str, width: int, most: int) -> None:
    words = "".join(text.split())
    for lines in (wrapping.head(text, width, most), wrapping.tail([text], width, most)):
        assert len(lines) <= most and all(cell_len(line) <= max(width, 2) for line in lines)
        shown = "".join("".join(lines).split())
        assert shown == words or "…" in shown


@given(st.lists(st.integers(0, 9), max_size=9), st.integers(0, 40))
def test_lines_are_shared_out_whole(wanted: list[int], room: int) -> None:
    got = wrapping.shares(wanted, room)
    assert all(have <= want for have, want in zip(got, wanted, strict=True))
    assert sum(got) == max(min(sum(wanted), room), sum(want > 0 for want in wanted))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", ["greedy", "majority"])
def test_a_long_step_is_seen_before_it_ends(tts: Program, size: tuple[int, int], method: str) -> None:
    limits = ["--max-step-tokens", "1900", "--max-tokens", "1900", "--policy", "prose"]
    child = tts.terminal("solve", "--method", method, "-n", "64", *limits, "--trace", "t.json", "Go.", size=size)
    child.expect("12 - 5 = 7")
    child.sendintr()
    output = finish(child)
    assert child.exitstatus == 130
    events = trace.load(Path(tts.work) / "t.json").events
    assert events and not [event for event in events if event["event"] == "StepSampled"], "no step had ended"
    assert Screen(*size, live_part(output)).scrolled == 0


@pytest.mark.parametrize("flags", [["-q"], ["--json"], []])
def test_nothing_is_streamed_into_a_pipe(tts: Program, flags: list[str]) -> None:
    limits = ["--max-step-tokens", "300", "--max-tokens", "300", "--policy", "prose"]
    done = tts("solve", "--method", "majority", *flags, *limits, "Go.")
    assert done.returncode == 3
    before, _, attempt = done.stderr.partition("The model wrote:")
    assert "12 - 5 = 7" not in before and bool(attempt) == (not flags)
    assert "tok/s" not in done.stderr + done.stdout and "\x1b" not in done.stderr + done.stdout
