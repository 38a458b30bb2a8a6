"""What is drawn: snapshots of scripted searches, and that no text from outside can draw anything of its own."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from tests.cli import scripted
from tts_cli.analysis.reading import replay
from tts_cli.analysis.tree import TreeState
from tts_cli.cli.view import final, finished, html, live, parts
from tts_cli.costs import human
from tts_cli.errors import TtsError
from tts_cli.search.events import Decided, Event, SearchEnded, SolutionFinished, StepRefuted, StepSampled, to_json

LIMITS = live.LiveLimits(max_time=30, policy_parameters=2_000_000, prm_parameters=4_000_000)


def drawn(renderable: object, width: int) -> str:
    console = Console(
        file=io.StringIO(), width=width, height=50, force_terminal=True, color_system="truecolor", markup=False
    )
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def without_styles(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def hostile() -> list[Event]:
    return [
        scripted.started("auto", problem=scripted.HOSTILE),
        Decided(4, 0.5, scripted.HOSTILE, scripted.HOSTILE),
        StepSampled(1, 0, scripted.HOSTILE, 9, "eos"),
        SolutionFinished(1, scripted.HOSTILE, 0.5),
    ]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 15)])
@pytest.mark.parametrize("search", ["beam", "wide"])
def test_a_frame_is_as_drawn_before(search: str, width: int, height: int, snapshot: SnapshotAssertion) -> None:
    state = TreeState(getattr(scripted, search)())
    assert live.frame(state, LIMITS, 1.5, width, height - 1).plain == snapshot


@pytest.mark.parametrize(("width", "height"), [(80, 12), (120, 12), (40, 12)])
@pytest.mark.parametrize("decided", [0, 1, 2])
def test_what_auto_decided_is_drawn(decided: int, width: int, height: int, snapshot: SnapshotAssertion) -> None:
    state = TreeState(scripted.auto(decided))
    assert live.frame(state, LIMITS, 1.5, width, height - 1).plain == snapshot


def test_a_first_decision_does_not_move_the_tree() -> None:
    before, after = (
        live.frame(TreeState(scripted.auto(decided)), LIMITS, 1.5, 80, 11).plain.split("\n") for decided in (0, 1)
    )
    changed = [place for place, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert changed[0] == 2 and len(changed) <= 2, "its own line, and what was spent"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 15), (20, 5), (10, 2), (1, 1)])
def test_every_frame_of_a_search_fits_its_terminal(width: int, height: int) -> None:
    state = TreeState()
    for place, event in enumerate([*scripted.wide(n=64, depth=4), *scripted.DECIDED]):
        state.apply(event)
        if place % 29 == 0 or isinstance(event, Decided):
            lines = live.frame(state, LIMITS, 1.5, width, height - 1, "note").plain.split("\n")
            assert len(lines) <= max(height - 1, 1)
            assert all(cell_len(line) <= width for line in lines)


def test_the_picture_does_not_jump_when_branches_are_folded() -> None:
    events = scripted.beam()
    before = live.frame(TreeState(events[:4]), LIMITS, 1.0, 80, 23).plain.split("\n")
    assert before[-3] == ""  # the line where folded branches will be counted


def test_frames_are_paced_by_what_they_cost() -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.005  # every look at the clock: a frame seems to take 5 ms
        return now[0]

    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    with live.LiveTree(console, LIMITS, clock) as tree:
        drawn_at = []
        for _ in range(4000):
            before = console.file.tell()
            tree.tick()
            if console.file.tell() > before:
                drawn_at.append(now[0])
    assert min(b - a for a, b in pairwise(drawn_at)) >= live.FRAME_SECONDS
    assert 0.005 * len(drawn_at) <= live.FREE_SECONDS + now[0] * live.DRAWING_SHARE
    assert len(drawn_at) > 80


@pytest.mark.parametrize("width", [80, 120, 40])
def test_the_final_picture_is_as_drawn_before(width: int, snapshot: SnapshotAssertion) -> None:
    text = drawn(final.picture(scripted.record(), TreeState(scripted.ended()).chosen()), width)
    assert without_styles(text) == snapshot


@pytest.mark.parametrize("width", [80, 40])
def test_the_final_picture_of_auto_is_as_drawn_before(width: int, snapshot: SnapshotAssertion) -> None:
    state = TreeState([*scripted.auto(), SearchEnded(1, "65", 0.86, "answered")])
    text = drawn(final.picture(scripted.auto_record(), state.chosen(), state.decided), width)
    assert without_styles(text) == snapshot


def test_the_page_and_the_summary_tell_what_auto_made_of_the_problem() -> None:
    page = html.page(TreeState(scripted.auto()), scripted.auto_record())
    assert "<p>medium · auto by the profile of 2026-01-02" in page
    assert "too little.<br>best-of-n, N = 4, nano + nano-prm, seed 0<br>" in page
    assert finished.summary(scripted.auto_record()).startswith("best-of-n, N = 4, medium, 3 of 4 votes, confidence 86%")


def test_a_share_of_votes_is_not_called_a_chance() -> None:
    """Without a profile nothing is calibrated."""
    by_table = Decided(4, None, "hard", "the first 4 samples differ")
    state = TreeState([scripted.started("auto", 16), by_table])
    assert "hard · the first 4 samples differ" in live.frame(state, LIMITS, 1, 80, 11).plain
    told = finished.how(scripted.auto_record(difficulty="hard", why="so."), by_table)
    assert told == ["hard · so.", "best-of-n, N = 4, nano + nano-prm"]
    assert finished.how(scripted.record(), None) == ["beam, N = 8, nano + nano-prm: " + scripted.record().why]


def test_no_answer_is_said_and_not_hidden() -> None:
    nothing = scripted.record(answer=None, confidence=None, solution=None, votes=[], finish="max-time")
    assert "No answer (max-time)" in without_styles(drawn(final.picture(nothing, []), 80))
    assert finished.plain(nothing) == "Answer: none (max-time)\n"
    assert "No answer (max-time)" in html.page(TreeState(), nothing)


def test_plain_text_ends_with_the_answer(snapshot: SnapshotAssertion) -> None:
    text = finished.plain(scripted.record())
    assert text == snapshot
    assert text.endswith("\nAnswer: 65\n")
    assert finished.summary(scripted.record()) == snapshot


def test_hostile_text_sends_nothing_to_a_terminal() -> None:
    record = scripted.record(problem=scripted.HOSTILE, answer=scripted.HOSTILE, solution=scripted.HOSTILE, why="[b]x")
    state = TreeState(hostile())
    pictures = [
        live.frame(state, LIMITS, 1, 200, 23).plain,
        without_styles(drawn(final.picture(record, [state.steps[1]]), 200)),
        without_styles(drawn(final.picture(record, [state.steps[1]], state.decided), 200)),
        finished.plain(record),
        finished.answer(record),
    ]
    for text in pictures:
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
        assert "[red]bold[/red]" in text, "markup is data"
    assert "\n" not in finished.answer(record)


class Tags(HTMLParser):
    """Collects tags and attributes, and checks that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("events", [hostile(), scripted.ended(), scripted.wide(8, 3), []])
def test_the_page_is_closed_in_itself(events: list[Event]) -> None:
    record = scripted.record(problem=scripted.HOSTILE, answer=scripted.HOSTILE, why=scripted.HOSTILE)
    page = html.page(TreeState(events), record)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert not tags.seen & {"script", "link", "img", "iframe", "object", "svg", "a"}
    assert not tags.attributes & {"src", "href", "onload", "onclick", "style"}
    assert "http:" not in page and "https:" not in page and "url(" not in page
    assert "&lt;script&gt;" in page
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", page)


def test_the_page_shows_every_step_once() -> None:
    page = html.page(TreeState(scripted.wide(8, 3)), scripted.record())
    assert [page.count(f"chain {chain}, step {level}:") for chain in range(8) for level in range(3)] == [1] * 24
    beam = html.page(TreeState(scripted.ended()), scripted.record())
    assert "2 pruned" in beam and "(cut)" in beam and "prefers-color-scheme:dark" in beam


def refuted() -> list[Event]:
    """Step 2 takes the place of step 1; step 3, after it, is refuted too."""
    return [
        scripted.started(),
        StepSampled(1, 0, "20 + 80 + 160 = 360", 8, "step"),
        StepRefuted(1, "20 + 80 + 160 = 360", "260"),
        StepSampled(2, 0, "20 + 80 + 160 = 260", 8, "step"),
        StepSampled(3, 2, r"\boxed{7} as 1 + 1 = [b]3[/b]", 8, "eos"),
        StepRefuted(3, "1 + 1 = [b]3[/b]", "2"),
    ]


def test_the_live_tree_says_what_is_false() -> None:
    lines = live.frame(TreeState(refuted()), LIMITS, 1.5, 80, 23).plain.split("\n")
    assert "false 2 steps, the last: 1 + 1 = [b]3[/b] is false: 2" in lines
    (row,) = [line for line in lines if "= 260" in line]
    assert row.endswith(" 1 refuted"), "below the one that took its place"
    first = live.frame(TreeState(refuted()[:3]), LIMITS, 1.5, 80, 23).plain
    assert "false 1 step, the last: 20 + 80 + 160 = 360 is false: 260" in first
    assert "false" not in live.frame(TreeState(refuted()[:2]), LIMITS, 1.5, 80, 23).plain


def test_the_final_picture_says_what_is_false_in_the_solution_and_elsewhere() -> None:
    state = TreeState([*refuted(), SolutionFinished(3, "7", 0.5), SearchEnded(3, "7", None, "answered")])
    text = without_styles(drawn(final.picture(scripted.record(), state.chosen(), None, state.refuted), 100))
    assert "✗ 20 + 80 + 160 = 360 is false: 260" in text
    (row,) = [line for line in text.splitlines() if line.strip().startswith("2 ")]
    assert row.rstrip().endswith("✗ 1 + 1 = [b]3[/b] is false: 2")
    many = [StepRefuted(1, f"1 + 1 = {number}", "2") for number in range(3, 9)]
    text = without_styles(drawn(final.picture(scripted.record(), [], None, many * 2), 100))
    assert "1 + 1 = 5" in text and "1 + 1 = 6" not in text and "and 3 more false equalities" in text


def test_the_page_says_what_is_false() -> None:
    page = html.page(TreeState(refuted()), scripted.record())
    assert "<span class=cut>20 + 80 + 160 = 360 is false: 260</span>" in page
    assert "<summary class=dim>1 refuted</summary>" in page and ", 2 steps refuted" in page
    assert "refuted" not in html.page(TreeState(scripted.ended()), scripted.record())


def test_a_very_deep_tree_is_written_without_recursion() -> None:
    events: list[Event] = [scripted.started()]
    for number in range(1, 6000, 2):
        parent = number - 2 if number > 1 else 0
        events += [StepSampled(number, parent, "go", 1, "step"), StepSampled(number + 1, parent, "no", 1, "step")]
    assert html.page(TreeState(events), scripted.record()).count("<details") == 3000


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"event": "Unheard"},
        {"event": "StepScored", "step": 1},
        {"event": "StepScored", "step": 1, "score": "<b>"},
        {"event": "StepScored", "step": 99, "score": 0.5},
        {"event": "StepSampled", "step": 1, "parent": 0, "text": None, "tokens": 1, "finish": "step"},
    ],
)
def test_damaged_events_are_named(row: dict[str, object]) -> None:
    with pytest.raises(TtsError, match="event 2 makes no sense"):
        replay([to_json(scripted.started()), row], "t.json")


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0, "    "),
        (1, "████"),
        (0.5, "██  "),
        (0.26, "█   "),
        (0.3, "█▎  "),
        (-1, "    "),
        (9, "████"),
        (float("nan"), "    "),
    ],
)
def test_bars_are_cut_to_their_width(share: float, expected: str) -> None:
    assert parts.bar(share, 4) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (933, "933"), (9999, "9999"), (12_345, "12.3k"), (6.1e9, "6.1G"), (2e12, "2T"), (1.5e19, "15E")],
)
def test_numbers_for_people(value: float, expected: str) -> None:
    assert human(value) == expected


@pytest.mark.parametrize(
    "text",
    [
        "9^{9^{9^9}}",
        "{" * 20_000,
        "\\frac{" * 5_000,
        "\\begin{pmatrix}" + "1 & " * 20_000 + "\\end{pmatrix}",
        "\\sqrt{" * 9_000,
    ],
    ids=["tower", "braces", "fractions", "matrix", "roots"],
)
def test_hostile_latex_is_drawn_in_bounded_time(text: str) -> None:
    record = scripted.record(answer=text, solution=text, votes=[{"answer": text, "count": 1, "weight": 1}])
    events = [scripted.started(), StepSampled(1, 0, text, 9, "eos"), SolutionFinished(1, text, 0.5)]
    state = TreeState(events)
    assert "9" in live.frame(state, LIMITS, 1, 80, 23).plain
    assert drawn(final.picture(record, [state.steps[1]]), 80)
    assert html.page(state, record).endswith("</html>\n")
