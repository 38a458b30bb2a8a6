"""The figures for eyes: tables that align, curves that lie where they should, and text from files that does no harm."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from tts_cli.cli.view.chart import Canvas, Curve, chart, scale
from tts_cli.cli.view.curves import CEILING, panels, picture, style
from tts_cli.cli.view.results import prm_tables, result_tables
from tts_cli.cli.view.tables import Table, drawn, plain
from tts_cli.data.record import Cost
from tts_cli.evaluation.conditions import Condition
from tts_cli.evaluation.grading import CHOICES, Graded, Outcome
from tts_cli.evaluation.prm_quality import ScoredSolution
from tts_cli.evaluation.report import timing, to_json
from tts_cli.evaluation.store import SamplingCost
from tts_cli.evaluation.summary import EvalFacts, Summary, summarize
from tts_cli.protocols import ModelFacts
from tts_cli.search.methods import METHODS
from tts_cli.strategy.plan import Plan

MEASURED = (("greedy", 1), ("majority", 1), ("majority", 4), ("best-of-n", 1), ("best-of-n", 4))
CONDITIONS = [Condition(method, Plan(method, n, 1)) for method, n in MEASURED]


def graded(level: str, subject: str, right: tuple[bool, ...]) -> Graded:
    """One problem, right or wrong under each condition."""
    outcomes = {}
    for condition, is_right in zip(CONDITIONS, right, strict=True):
        choices = dict.fromkeys(CHOICES, is_right) if condition.requested == "best-of-n" else {}
        tokens = 10 * condition.plan.budget
        cost = Cost(policy_prompt_tokens=5, policy_tokens=tokens, prm_tokens=tokens if choices else 0)
        outcomes[condition] = Outcome(is_right, True, False, cost, choices)
    solutions = [ScoredSolution(True, 2, (0.9,), (5,)), ScoredSolution(False, 2, (0.2,), (9,))]
    return Graded(level, subject, outcomes, 4, 2, solutions)


def summary(subject: str = "algebra") -> Summary:
    problems = [
        graded("1", subject, (True, True, True, True, True)),
        graded("2", "geometry", (False, False, True, False, True)),
        graded("10", "geometry", (False, False, False, False, True)),
        graded("10", "geometry", (False, True, False, False, False)),
    ]
    facts = EvalFacts("d", 0, ModelFacts("p", 10), ModelFacts("q", 20), {"aggregate": "last"}, ungraded=1)
    return summarize(problems, CONDITIONS, facts, with_prm_quality=True)


def shown(item: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(item)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_figures_by_hand() -> None:
    found = summary()
    best = found.results[-1]
    assert (best.method, best.overall.right, best.overall.accuracy.value) == ("best-of-n", 3, 0.75)
    cost = best.overall.cost
    assert (cost.policy_flops, cost.prm_flops, cost.flops) == (2 * 10 * 45, 2 * 20 * 40, 2500)
    assert list(best.by_level) == ["1", "2", "10"], "in natural order"
    assert best.by_subject["geometry"].problems == 3
    assert [(one.k, one.accuracy.value) for one in found.pass_at_k] == [(1, 0.5), (2, pytest.approx(5 / 6)), (4, 1)]
    pairs = {(one.a, one.b): one for one in found.paired}
    assert len(pairs) == 6, "greedy with all, others with the same N"
    one = pairs["best-of-n, N = 4", "majority, N = 4"]
    assert (one.only_a, one.only_b, one.difference.value, one.p) == (1, 0, 0.25, 1.0)


def test_seconds_are_tokens_times_what_a_token_took() -> None:
    time = timing(summary(), SamplingCost(policy_seconds=30, policy_tokens=3000, prm_seconds=4, prm_tokens=1000))
    assert time.cells[-1].policy_seconds == pytest.approx(45 * 0.01)
    assert time.cells[-1].prm_seconds == pytest.approx(40 * 0.004)
    assert time.cells[0].prm_seconds == 0


def test_a_summary_is_rounded_so_that_machines_agree() -> None:
    document = to_json(summary())
    assert document["pass_at_k"][1]["accuracy"]["value"] == 0.8333333333


def test_plain_tables_align_and_hold_every_figure() -> None:
    text = plain(result_tables(summary(), timing(summary(), SamplingCost())))
    assert "best-of-n  4   75.0 (" in text
    assert "1 rows could not be graded" in text
    for block in text.split("\n\n"):
        lines = block.splitlines()
        assert all(len(line) <= 100 for line in lines) and not any(line.endswith(" ") for line in lines)
    assert "% right by level" in text and "Scores by length" in text and "Differences" in text
    assert text.isprintable() is False and "\x1b" not in text


def test_names_from_a_file_are_data() -> None:
    evil = "[bold]\x1b[31mred\x07 and much too long to be shown in one line of a table"
    tables = result_tables(summary(evil), timing(summary(evil), SamplingCost()))
    for text in (plain(tables), *(shown(drawn(table)) for table in tables)):
        assert "\x07" not in text and "\x1b[31m" not in text
    assert "[bold]" in plain(tables)


def test_wide_characters_keep_columns_in_line() -> None:
    text = plain([Table("t", ("name", "n"), [["題", "1"], ["ab", "22"]])])
    assert text == "t\nname   n\n題     1\nab    22\n"


def test_a_terminal_shows_the_charts_within_its_width() -> None:
    for width in (60, 80, 120):
        text = shown(picture(summary(), width), width)
        assert "accuracy against N" in text and "level 10" in text and "pass@N" in text
        assert max(map(len, text.splitlines())) <= width


def test_every_method_and_auto_have_a_colour_of_their_own() -> None:
    styles = [style(name) for name in ("auto", *METHODS)]
    assert len(set(styles)) == len(styles) and CEILING not in styles
    old = {"greedy": "white", "majority": "blue", "best-of-n": "green", "beam": "magenta", "dvts": "cyan"}
    assert {name: style(name) for name in old} == old


def test_levels_share_one_scale_and_flops_grow_with_n() -> None:
    found = panels(summary())
    assert [panel.title for panel in found][:2] == ["accuracy against N", "accuracy against FLOPs per problem"]
    small = [panel for panel in found if panel.small]
    assert len(small) == 3 and len({panel.y for panel in small}) == 1
    flops = next(curve for curve in found[1].curves if curve.name == "best-of-n")
    assert [x for x, _ in flops.points] == sorted(x for x, _ in flops.points)


def test_one_budget_has_no_curve() -> None:
    conditions = [CONDITIONS[0], CONDITIONS[1]]
    one = Graded(
        "1", None, {condition: Outcome(True, True, False, Cost(policy_tokens=1), {}) for condition in conditions}, 1, 1
    )
    facts = EvalFacts("d", 0, ModelFacts("p", 10), None, {"aggregate": "last"}, 0)
    assert panels(summarize([one], conditions, facts, with_prm_quality=True)) == []


@pytest.mark.parametrize(
    ("shares", "expected"),
    [([0.0], (0.0, 0.2)), ([1.0], (0.8, 1.0)), ([0.55], (0.5, 0.7)), ([0.12, 0.88], (0.1, 0.9)), ([0, 1], (0, 1))],
)
def test_the_scale_holds_all_shares_in_whole_tenths(shares: list[float], expected: tuple[float, float]) -> None:
    assert scale(shares) == pytest.approx(expected)


def test_points_lie_where_they_should() -> None:
    canvas = Canvas(11, 5, (1, 4), (0, 1))
    canvas.draw(Curve("c", [(1, 0.0), (2, 0.5), (4, 1.0)], "red"))
    lines = [canvas.line(row).plain for row in range(5)]
    assert lines[4][0] == lines[2][5] == lines[0][10] == "●"
    assert sum(line.count("●") for line in lines) == 3


def test_tick_labels_do_not_touch() -> None:
    ticks = [(float(n), str(n) * 3) for n in (100, 101, 102, 1000)]
    text = shown(chart("t", [Curve("c", [(100, 0), (1000, 1)], "red")], ticks, y=(0, 1), width=40, height=4))
    assert "100100100" in text and "101101101" not in text and "100010001000" in text


def test_prm_tables_tell_their_label() -> None:
    quality = summary().prm_quality
    assert quality is not None
    text = plain(prm_tables(quality))
    assert "ends with the right answer" in text and "Rank correlation" in text
    assert quality.solutions.auc == 1 and quality.length.score_with_tokens is not None


def test_a_picture_needs_a_known_suffix_and_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    from tts_cli.cli.view import figure
    from tts_cli.errors import TtsError, UsageError

    with pytest.raises(UsageError, match="PNG"):
        figure.check(Path("curves.pdf"))
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(TtsError, match="matplotlib") as caught:
        figure.check(Path("curves.png"))
    assert "tts-cli[plot]" in caught.value.hint
