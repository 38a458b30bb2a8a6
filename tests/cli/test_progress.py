"""The progress line: what it counts, and how long it says is left."""

from __future__ import annotations

import io

from rich.console import Console

from tts_cli.cli.view.progress import Progress

OUTCOMES = {"answered": "green", "abstained": "yellow", "in error": "red"}


def progress(total: int | None = None, done: int = 0, width: int = 100) -> Progress:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, _environ={})
    return Progress(console, OUTCOMES, total=total, done=done, clock=lambda: 0.0)


def test_it_begins_with_nothing_but_the_count() -> None:
    assert progress().line(0.0).plain == "0"
    assert progress(total=7, done=3).line(0.0).plain == "3/7"


def test_outcomes_are_counted_in_their_order() -> None:
    line = progress(total=9)
    for outcome in ("in error", "answered", "abstained", "answered"):
        line.finish(outcome)
    assert line.line(0.0).plain == "4/9  2 answered  1 abstained  1 in error"


def test_speed_is_that_of_the_last_seconds() -> None:
    line = progress()
    line.line(0.0)
    line.spend(150)
    line.spend(250)
    assert line.line(2.0).plain == "0  200 tok/s"
    line.spend(100)
    assert line.line(4.0).plain == "0  125 tok/s"
    assert "tok/s" not in line.line(60.0).plain or line.line(120.0).plain == "0"


def test_time_left_is_reckoned_from_what_this_run_did() -> None:
    line = progress(total=110, done=100)
    line.spend(1)
    line.line(10.0)
    line.finish("answered")
    line.finish("answered")
    assert line.line(14.0).plain.endswith("16.0 s left")
    for _ in range(8):
        line.finish("answered")
    assert "left" not in line.line(20.0).plain


def test_it_never_wraps_and_leaves_nothing_behind() -> None:
    line = progress(total=10**9, width=20)
    for _ in range(5):
        line.finish("answered")
    line.note = "Stopping: what is finished is being written."
    with line:
        line.tick()
    drawn = line.console.file.getvalue()  # type: ignore[attr-defined]
    assert "5/1000000000" in drawn and "Stopping" not in drawn
    assert drawn.endswith("\x1b[?25h") or "\x1b[2K" in drawn
