"""The figures of docs/measurements/strategy.md: arithmetic on hand-made problems, and one real run up to the page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import deadline
from benchmarks.findings.execute import Job
from benchmarks.strategy import accuracy, confidence, difficulty, measured, oracle, parts, plan, sweep, votes, ways
from benchmarks.strategy.plan import EFFORTS, Places, Size, jobs
from benchmarks.strategy.recordings import Case
from benchmarks.strategy.report import FINDINGS, report
from benchmarks.strategy.votes import Outcome, Samples
from benchmarks.strategy.ways import Way
from tests.strategy.profiles import observation, profile
from tts_cli.cli import app
from tts_cli.config import Settings
from tts_cli.data.rows import Row
from tts_cli.errors import TtsError
from tts_cli.evaluation import calibrate, observations
from tts_cli.evaluation.conditions import SearchJob, covers, job_of
from tts_cli.evaluation.grading import CHOICES, Choice
from tts_cli.evaluation.observations import VARIANTS, CalibrationProblem, Checkpoint
from tts_cli.evaluation.profile_fit import SimulatedOutcome, profile_of, simulate_rule
from tts_cli.evaluation.statistics import Estimate, rank_correlation
from tts_cli.strategy.rules import PRICES, CalibratedRule

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "measurements" / "strategy.md"
STAGES = ((4, False), (4, True), (8, True), (16, True))


def one_way(name: str, right: str, flops: float) -> Way:
    """x: right. Every problem costs the same."""
    return Way(name, np.array([mark == "x" for mark in right], float), np.full(len(right), flops))


def samples(answers: str, right: str) -> Samples:
    """Letters from a: classes in the order in which they are seen; "-": no answer. A sample costs 10."""
    classes = sorted(set(answers) - {"-"})
    found = tuple(None if letter == "-" else classes.index(letter) for letter in answers)
    return Samples(found, tuple(one in right for one in classes), tuple(10.0 * (i + 1) for i in range(len(answers))))


def problem_seen(
    agreement: tuple[float, ...], right: str, solved: float = 0.5, *, convinced: bool = False
) -> CalibrationProblem:
    """What is seen at the first of STAGES; 100 FLOPs a sample, and its reading as much. `convinced`: at the last."""
    seen = list(zip(STAGES, agreement, right, strict=False))
    checkpoints = [
        Checkpoint(
            observation(n, share, read=read, convinced=convinced and i == len(seen)),
            mark == "x",
            100.0 * n * (1 + read),
        )
        for i, ((n, read), share, mark) in enumerate(seen, 1)
    ]
    return CalibrationProblem(solved, tuple(checkpoints), {})


def case(observed: CalibrationProblem, voted: dict[str, dict[Choice, bool]] | None = None, **fixed: Outcome) -> Case:
    return Case(Row(1, "1", "?"), {VARIANTS[0]: observed}, fixed, voted or {}, samples("a", "a"))


# What is run


def test_the_grid_of_fixed_methods_is_what_the_commands_sample() -> None:
    plans = [(one.method, one.budget) for one in plan.fixed(beam_width=4)]
    assert plans[0] == ("greedy", 1) and len(plans) == len(set(plans)) == 16
    assert [n for method, n in plans if method == "best-of-n"] == [1, 2, 4, 8, 16, 32, 64]
    assert [n for method, n in plans if method == "beam"] == [4, 16, 64]
    assert [n for method, n in plans if method == "dvts"] == [4, 8, 16, 32, 64]
    stored = [SearchJob("best-of-n", 64, 1), *(SearchJob(how, n, 4) for how in ("beam", "dvts") for n in (4, 16, 64))]
    assert all(any(covers(job, job_of(one)) for job in stored) for one in plan.fixed(4)[1:])


def test_every_run_is_shown_as_it_can_be_typed() -> None:
    shown = [job.shown for job in jobs(Places(Path("runs")), ("calibrate", "test", "auto", "easy"), ["nano"], Size())]
    assert shown[:2] == [
        "python -m training.problems --split validation --seed 77 --count 500 > runs/validation.jsonl",
        "python -m training.problems --split test --seed 900 --count 800 > runs/test.jsonl",
    ]
    models, test = "--policy nano --prm nano-prm --no-calculator", "runs/test.jsonl"
    fixed = "--methods greedy,best-of-n,beam,dvts --budgets 4,16,64"
    assert shown[2:5] == [
        f"tts calibrate runs/validation.jsonl {models} --out runs/validation-nano --profile runs/nano.yaml",
        f"tts eval {test} {fixed} {models} --limit 800 --out runs/test-nano",
        f"tts calibrate {test} {models} --limit 800 --out runs/test-nano --profile runs/test-nano/unused.yaml",
    ]
    assert [line.split(" --profile")[0] for line in shown[5:9]] == [
        f"tts eval {test} --methods auto --effort {effort} --budgets 128 --limit 200 {models}" for effort in EFFORTS
    ]
    assert shown[9:] == [
        f"tts solve 'Compute 3 + 4.' {models} --profile runs/nano.yaml --json > runs/easy-auto-nano.json",
        f"tts solve 'Compute 3 + 4.' {models} --profile runs/nano.yaml --method best-of-n --budget 64 --json "
        "> runs/easy-best-of-n-nano.json",
    ]


# Adaptive majority voting


@pytest.mark.parametrize(
    ("first", "second", "chance"), [(0, 0, 1 / 2), (1, 0, 3 / 4), (3, 0, 15 / 16), (2, 2, 1 / 2), (2, 1, 11 / 16)]
)
def test_the_posterior_that_the_leading_answer_stays_ahead(first: int, second: int, chance: float) -> None:
    assert votes.stays_ahead(first, second) == chance


@pytest.mark.parametrize(
    ("answers", "threshold", "drawn"),
    [
        ("aaaaaa", 0.7, 1),
        ("aaaaaa", 0.9, 3),
        ("aaaaaa", 0.95, 4),
        ("-aaaaa", 0.9, 4),  # who gives no answer costs, and does not vote
        ("abaaab", 0.8, 4),  # 2:1 is 0.69, 3:1 is 0.81
        ("ababab", 0.8, 6),  # never sure: all there are
    ],
)
def test_samples_are_drawn_until_the_vote_is_settled(answers: str, threshold: float, drawn: int) -> None:
    assert votes.adaptive(samples(answers, "a"), threshold) == Outcome(True, 10.0 * drawn)


def test_a_majority_of_the_first_samples() -> None:
    mixed = samples("-abb", "b")
    assert [votes.majority(mixed, n).right for n in (1, 2, 3, 4)] == [False, False, False, True]
    assert votes.majority(mixed, 3).flops == 30
    assert votes.majority(samples("ab", "a"), 2).right  # a tie: the first seen
    assert not votes.adaptive(samples("----", ""), 0.7).right


# Curves


def test_a_curve_against_a_way() -> None:
    rival = one_way("rival", "xxxxx.....", 100)
    cheap, mid, dear = (
        one_way("cheap", "xxxxx.....", 20),
        one_way("mid", "xxxxxx....", 60),
        one_way("dear", "x" * 10, 120),
    )
    found = ways.compare([dear, cheap, mid], rival)
    assert found.reached and found.equal is cheap and found.off == Estimate(0, 0, 0)
    assert in_order(found.ratio) == pytest.approx((0.2, 0.2, 0.2))  # every problem costs the same: so in every resample
    assert found.affordable is mid and found.gain is not None and found.gain.value == pytest.approx(0.1)
    assert found.gain.low == 0 and 0.2 < found.gain.high < 0.4


def in_order(one: Estimate) -> tuple[float, float, float]:
    return one.value, one.low, one.high


def test_a_curve_that_is_never_so_accurate_or_never_so_cheap() -> None:
    rival = one_way("rival", "xxxxx.....", 100)
    never = ways.compare([one_way("bad", "." * 10, 1), one_way("near", "xxxx......", 90)], rival)
    assert not never.reached and never.equal.name == "near" and never.off.value == pytest.approx(-0.1)
    dear = ways.compare([one_way("dear", "x" * 10, 120)], rival)
    assert dear.reached and dear.ratio.value == pytest.approx(1.2) and dear.affordable is None and dear.gain is None


def test_a_ratio_of_flops_has_the_interval_of_pairs() -> None:
    costs = np.array([10.0, 20.0, 30.0, 40.0] * 10)
    one, other = Way("one", np.ones(40), costs), Way("other", np.ones(40), costs[::-1].copy())
    assert in_order(ways.times_flops(one, Way("twice", np.ones(40), 2 * costs))) == pytest.approx((0.5, 0.5, 0.5))
    crossed = ways.times_flops(one, other)
    assert crossed.low < 0.8 < crossed.value == 1 < 1.2 < crossed.high


@pytest.mark.parametrize(
    ("right", "flops", "told"),
    [
        ("xxxxx.....", 50, "**half of its FLOPs**"),
        ("xxxxx.....", 51, "**neither**"),
        ("xxxxxx....", 100, "**three points more**"),
        ("xxxxxx....", 50, "**half of its FLOPs and three points more**"),
        ("xxxx......", 10, "**neither**"),  # as cheap, and less accurate
        ("xxxxxx....", 101, "**neither**"),
    ],
)
def test_what_was_promised_is_reached_or_not(right: str, flops: float, told: str) -> None:
    assert told in accuracy.judgement([one_way("auto", right, flops)], one_way("rival", "xxxxx.....", 100))


def test_a_fixed_method_may_choose_its_vote_in_hindsight() -> None:
    """The default vote is right on one problem of two, min + max on both."""
    votes_of = [dict.fromkeys(CHOICES, i == 0) | {("min", "max"): True} for i in range(2)]
    cases = [
        case(
            problem_seen((1.0,), "x"),
            {"beam 4": one},
            **{"beam 4": Outcome(i == 0, 7.0), "greedy 1": Outcome(True, 1.0)},
        )
        for i, one in enumerate(votes_of)
    ]
    policy = measured.Policy("p", profile(), [], cases)
    assert policy.fixed["beam 4"].accuracy == 0.5
    assert list(policy.voted) == ["beam 4"]  # greedy has no vote
    one = policy.voted["beam 4"]
    assert (one.name, one.accuracy, one.cost) == ("beam 4, min + max", 1, 7)


def test_the_fixed_choice_that_the_calibration_would_make() -> None:
    def figure(right: float, flops: float) -> dict[str, object]:
        return {"right": {"value": right}, "flops": flops}

    fixed = {"beam 4": figure(0.6, 9), "best-of-n 4": figure(0.6, 8), "best-of-n 3": figure(0.9, 1)}
    outcomes = {"beam 4": Outcome(True, 9.0), "best-of-n 4": Outcome(False, 8.0), "greedy 1": Outcome(True, 1.0)}
    cases = [case(problem_seen((1.0,), "x"), **outcomes)]
    policy = measured.Policy("p", profile(figures={"fixed": fixed}), [], cases)
    assert accuracy.known_before(policy).name == "best-of-n 4", "of equal ones the cheaper, whatever came of it"


def test_the_best_choice_in_hindsight_and_the_cheapest_as_good() -> None:
    best = one_way("best", "x" * 30 + "." * 10, 50)
    dear = one_way("dear", "x" * 30 + "." * 10, 60)
    near = one_way("near", "." + "x" * 29 + "." * 10, 5)
    bad = one_way("bad", "x" * 10 + "." * 30, 1)
    assert ways.best([dear, bad, best, near]) is best
    assert ways.cheapest_as_good([dear, bad, best, near], best) is near


# Oracles


def test_the_oracle_of_difficulty_takes_for_each_kind_what_is_best_there() -> None:
    """Easy problems are right with either, hard ones only with the dear one."""
    observed = [problem_seen((1, 1, 1), "xxx", solved) for solved in (0.9, 0.9, 0.05, 0.05)]
    fixed = [one_way("cheap", "xx..", 10), one_way("dear", "xxxx", 100)]
    found = oracle.by_difficulty(observed, fixed, solution=10)
    by_price = {one.name: one for one in found}
    assert (by_price["price 0.3"].accuracy, by_price["price 0.3"].cost) == (0.5, 10)  # ten solutions are not worth one
    assert (by_price["price 0.05"].accuracy, by_price["price 0.05"].cost) == (1, 55)
    assert list(by_price["price 0.0"].flops) == [10, 10, 100, 100]


def test_the_oracle_of_answers_stops_at_the_first_look_that_is_right() -> None:
    observed = [problem_seen((1, 1, 1, 1), right) for right in ("xxxx", ".x..", "...x", "....")]
    found = oracle.by_answer(observed)
    assert list(found.right) == [1, 1, 1, 0] and list(found.flops) == [400, 800, 3200, 400]


# auto, played


def test_the_sweep_passes_through_the_efforts() -> None:
    observed = [problem_seen((a, a, b, 1.0), "...x") for a in (0.25, 0.5, 1.0) for b in (0.25, 0.75)]
    sweep_of = {one.name: one for one in sweep.curve(observed, profile())}
    for effort, price in PRICES.items():
        played = [simulate_rule(one, CalibratedRule(profile(), effort, 16)) for one in observed]
        assert list(sweep_of[f"price {price}"].flops) == [one.flops for one in played]
    low, usual, high = (sweep_of[f"price {price}"].cost for price in (0.05, 0.02, 0.005))
    assert sweep_of["price 0.5"].cost == low == 400 < usual < high


def test_without_a_rule_every_problem_goes_to_the_same_stage_unless_it_convinced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observations, "STAGES", STAGES)
    found = sweep.without_rule([problem_seen((1, 1), ".x", convinced=True), problem_seen((1, 1, 1, 1), "...x")])
    assert [one.name for one in found] == ["4 drawn", "4 read", "8 read", "16 read"]
    assert [list(one.flops) for one in found] == [[400, 400], [800, 800], [800, 1600], [800, 3200]]
    assert [one.accuracy for one in found] == [0, 0.5, 0.5, 1]


def test_a_wanted_confidence_is_worth_any_price() -> None:
    unsure = [problem_seen((0.5, 0.5, 0.5, 1.0), "...x")]
    assert [one.samples for one in sweep.ends(unsure, profile(), "low")] == [4]
    (ended,) = sweep.ends(unsure, profile(), "low", 0.9)
    assert (ended.samples, ended.right) == (16, True) and ended.confidence == pytest.approx(0.982, abs=0.001)


# auto without a part of it


def test_a_part_that_decides_nothing_is_missed_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agreement is all there is to see here, from the root as from prefixes."""
    monkeypatch.setattr(observations, "STAGES", STAGES)
    monkeypatch.setattr(observations, "BEST_OF_N", (1,))
    observed = [problem_seen((a, a, a, a), "xxxx" if a > 0.5 else "...x") for a in (0.1, 0.2, 0.9, 1.0) * 20]
    found = [replace(one, fixed={"best-of-n 1": one.checkpoints[0]}) for one in observed]
    labelled = [(Row(i, str(i), "?"), dict.fromkeys(VARIANTS, one)) for i, one in enumerate(found)]
    cases = [replace(case(one), observed=dict.fromkeys(VARIANTS, one)) for one in found]
    policy = measured.Policy("p", profile(), labelled, cases)
    policy = replace(policy, profile=profile_of(found, policy.facts, {}))
    whole = policy.efforts["normal"]
    for one in (parts.without_likelihoods(policy, "normal"), parts.other_start(policy, "normal")):
        assert list(one.flops) == list(whole.flops) and list(one.right) == list(whole.right)
    assert parts.other_start(policy, "normal").name == "rounds from the best prefix (from the root)"
    later = parts.without_first_look(policy, "normal")
    assert min(whole.flops) == 400 and min(later.flops) == 800, "nobody stops where nobody looks"


# Confidence and difficulty


def ended(sure: float | None, right: bool) -> SimulatedOutcome:
    return SimulatedOutcome(right, 100.0, 4, sure, None)


def test_who_is_not_sure_enough_does_not_answer() -> None:
    found = confidence.answered([ended(0.9, True), ended(0.8, False), ended(0.79, True), ended(None, False)], 0.8)
    assert found.share.value == 0.5 and found.right is not None and found.right.value == 0.5
    assert confidence.answered([ended(0.5, True)], 0.8).right is None


def test_abstention_holds_within_the_interval() -> None:
    share = Estimate(0.5, 0.4, 0.6)
    assert confidence.Answered(share, Estimate(0.7, 0.6, 0.8), 1).holds(0.8)
    assert not confidence.Answered(share, Estimate(0.7, 0.6, 0.79), 1).holds(0.8)
    assert confidence.Answered(share, None, 1).holds(0.8)


def test_even_perfect_confidences_show_some_error() -> None:
    few, many = (confidence.by_chance([0.3, 0.7] * n) for n in (20, 500))
    assert 0 < many.value < 0.03 < few.value < few.high
    assert confidence.by_chance([1.0] * 20).value == 0
    assert confidence.error([0.3, 0.7] * 50, [0, 1] * 50) == pytest.approx(0.3)


def test_intervals_of_figures() -> None:
    true = [i / 40 for i in range(40)]
    exact = difficulty.interval(difficulty.easy_auc, true, true)
    assert exact == Estimate(1, 1, 1)
    backwards = difficulty.interval(rank_correlation, true, true[::-1])
    assert backwards is not None and in_order(backwards) == pytest.approx((-1, -1, -1))
    assert difficulty.interval(difficulty.hard_auc, [0.5] * 40, [0.9] * 40) is None  # none is hard
    error = difficulty.interval(difficulty.mean_error, [one + 0.1 for one in true], true)
    assert error is not None and error.value == pytest.approx(0.1)
    shaken = [one + (-1) ** i * 0.2 for i, one in enumerate(true)]
    plain, centred = (
        difficulty.interval(confidence.error, shaken, [one > 0.5 for one in true], centred=c) for c in (False, True)
    )
    assert plain is not None and centred is not None and centred.low < centred.value < centred.high


# The deadline


def timed(seconds: float, answered: bool = True) -> dict[str, object]:
    return {"seconds": seconds, "answered": answered, "finish": "answered", "samples": 3}


def test_the_deadline_is_told_with_its_worst_run() -> None:
    found = {"problem": "?", "policy": "p", "prm": "r", "budget": 64, "cores": 2, "limit": 2.0, "free": timed(9.5)}
    text = deadline.summary({**found, "runs": [timed(2.01), timed(2.5), timed(2.51, False), timed(0.4)]})
    assert "takes 9.5 s." in text and "much longer" not in text
    assert "**3 of 4** runs returned within 2.5 s, 3 with an answer; 3 were stopped by the limit." in text
    assert "worst 2.510 s" in text
    assert "not much longer" in deadline.summary({**found, "free": timed(3.0), "runs": [timed(2.0)]})
    assert "takes more than 10.1 s." in deadline.summary({**found, "free": timed(10.1), "runs": [timed(2.0)]})


# The document


def test_what_is_missing_is_said_and_no_figure_is_made_up(tmp_path: Path) -> None:
    document = Path(shutil.copy(DOCUMENT, tmp_path / "strategy.md"))
    (tmp_path / "runs").mkdir()
    assert report(tmp_path / "runs", document) == ["nano", "nano-medium"]
    blocks = re.findall(r"<!-- (.+?) -->\n\n(.*?)\n\n<!-- end -->", document.read_text(), re.DOTALL)
    assert [name for name, _ in blocks] == _in_document() and len(blocks) == len(FINDINGS)
    assert all("|" not in block for _, block in blocks) and "Not measured yet: nano," in document.read_text()


def _in_document() -> list[str]:
    return [name for name in re.findall(r"<!-- (.+?) -->", DOCUMENT.read_text()) if name != "end"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observations, "STAGES", ((1, False), (2, False), (2, True), (4, True)))
    monkeypatch.setattr(observations, "BEST_OF_N", (1, 2, 4))
    monkeypatch.setattr(observations, "SEARCHES", (("beam", 4), ("dvts", 4)))
    monkeypatch.setattr(calibrate, "LEAST", 6)


def perform(job: Job, capfd: pytest.CaptureFixture[str]) -> None:
    """In this process where it is `tts`, so that its stages are small."""
    if job.arguments[:2] == ["-m", "tts_cli"]:
        capfd.readouterr()
        assert app.run(job.arguments[2:]) == 0, capfd.readouterr().err
        printed = capfd.readouterr().out
    else:
        done = subprocess.run([sys.executable, *job.arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        printed = done.stdout
    if job.target:
        job.target.write_text(printed)


def test_from_the_commands_to_the_document(
    small: None, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(difficulty, "RESAMPLES", 20)
    monkeypatch.setattr(ways, "RESAMPLES", 20)
    monkeypatch.setattr(plan, "EFFORTS", ("low", "max"))
    places, document = Places(tmp_path), Path(shutil.copy(DOCUMENT, tmp_path / "strategy.md"))
    size = Size(count=12, tested=6, real=6, threads=1)
    for job in jobs(places, ("calibrate", "test", "auto", "easy"), ["nano"], size):
        perform(job, capfd)
    for job in jobs(places, ("calibrate", "test"), ["nano-medium"], size):
        perform(job, capfd)
    places.deadline.write_text(json.dumps(_deadline()))
    assert report(tmp_path, document) == []
    text = document.read_text()
    absent = ["auto-nano-normal", "auto-nano-high", *(f"auto-nano-medium-{effort}" for effort in EFFORTS)]
    assert re.findall(r"Not measured yet: (.*)\.\*", text) == [", ".join(absent), "nano-medium"]
    assert {"accuracy.svg", "reliability.svg"} == {file.name for file in (tmp_path / "strategy").iterdir()}
    played = re.findall(r"\| nano \| (?:low|max) \| 6 \| .*", text)
    assert len(played) == 2 and all("| 0.0 (0.0 to 0.0) |" in one for one in played)  # what was played happened
    assert "| **all** | without it |" in text
    assert len(re.findall(r"\| nano(?:-medium)? \| (?:normal|high) \| the policy's likelihoods \|", text)) == 4
    assert re.search(r"\| nano \| tokens sampled \| \d+ \| \d+ \| [\d.]+ % \| (yes|\*\*no\*\*) \|", text)
    check_votes(places)
    check_unseen(places)


def _deadline() -> dict[str, object]:
    with ExitStack() as stack:
        chosen = Settings(effort="max", policy="nano", budget=64, profile="none", threads=1)
        found = deadline.measure(deadline.opened(chosen, deadline.HARD, stack), 1, 0.05)
    assert len(found["runs"]) == 1 and found["policy"] == "nano"
    return found


def check_votes(places: Places) -> None:
    """One sample after another gives the votes and FLOPs of `tts eval`, and another vote what it gives there."""
    read = measured.read_policy(places, "nano")
    assert app.run(["eval", "--out", str(places.test("nano")), "--methods", "majority", "--budgets", "1,2,4"]) == 0
    records = [json.loads(line) for line in (places.test("nano") / "records.jsonl").read_text().splitlines()]
    assert len(records) == 3 * len(read.cases) == 18
    for record in records:
        (mine,) = [one for one in read.cases if one.row.problem == record["problem"]]
        assert mine.fixed[f"majority {record['budget']}"] == Outcome(record["correct"], record["cost"]["flops"])
    how = ["--methods", "best-of-n,beam,dvts", "--budgets", "4", "--aggregate", "min", "--select", "max"]
    assert app.run(["eval", "--out", str(places.test("nano")), *how]) == 0
    records = [json.loads(line) for line in (places.test("nano") / "records.jsonl").read_text().splitlines()]
    assert len(records) == 18
    for record in records:
        (mine,) = [one for one in read.cases if one.row.problem == record["problem"]]
        assert mine.voted[f"{record['method']} 4"]["min", "max"] == record["correct"]


@dataclass(frozen=True, slots=True)
class Mixed(Places):
    """Calibrated on what it is measured on."""

    def calibration(self, policy: str) -> Path:
        return self.test(policy)


def check_unseen(places: Places) -> None:
    with pytest.raises(TtsError, match="was made with 6 of the test problems"):
        measured.read_policy(Mixed(places.runs), "nano")
