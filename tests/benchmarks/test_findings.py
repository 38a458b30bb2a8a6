"""The findings: arithmetic on runs made by hand, and one real run of nano from the command to the document."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.findings import best_method, choices, gains, small_against_large
from benchmarks.findings.compare import gap, shown_budgets
from benchmarks.findings.execute import Job, execute, jobs
from benchmarks.findings.markdown import change, fill, flops, ratio
from benchmarks.findings.plan import FAMILY, MAIN, PARTS, POLICIES, SIZE, SMALL_PRM
from benchmarks.findings.report import FINDINGS, report
from benchmarks.findings.results import Measured, read
from tests.benchmarks.made_runs import everywhere, pattern, write_run
from tts_cli.answers.judge import Judge
from tts_cli.evaluation.statistics import Estimate, mcnemar

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "measurements" / "findings.md"
SMALL, MIDDLE, LARGE = ("nano", 100_000), ("nano-medium", 500_000), ("nano-large", 4_000_000)
EVEN = {"majority": "xxxx......", "best-of-n": "xxxxx.....", "beam": "xxxxxx....", "dvts": "xxxxx....."}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    return Path(shutil.copy(DOCUMENT, tmp_path / "findings.md"))


def marks(text: str) -> dict[str, bool]:
    return {str(i): right for i, right in enumerate(pattern(text))}


# What is run


def test_every_run_is_shown_as_it_can_be_typed() -> None:
    shown = [job.shown for job in jobs(PARTS, POLICIES, Path("runs"), 300, (1, 4, 16, 64))]
    assert shown[1] == (
        "tts eval nano --policy nano-medium --prm nano-prm --no-calculator "
        "--methods greedy,majority,best-of-n,beam,dvts --budgets 1,4,16,64 "
        "--limit 300 --prm-quality --out runs/main-nano-medium"
    )
    assert [line for line in shown if line.startswith("python")] == [
        "python -m training.problems --held-out family --count 300 > runs/family.jsonl",
        "python -m training.problems --held-out size --count 300 > runs/size.jsonl",
    ]
    assert len(shown) == 4 * 3 + 2


def test_budgets_that_a_part_does_not_have_are_left_out() -> None:
    shown = [job.shown for job in jobs(PARTS, ["nano"], Path("runs"), 10, (1, 4))]
    assert "--prm nano-prm-small --no-calculator --methods greedy,best-of-n,beam,dvts --budgets 4 " in shown[1]
    assert not any("nano-prm-small" in job.shown for job in jobs(PARTS, ["nano"], Path("runs"), 10, (1,)))


def test_a_failing_run_ends_all_and_leaves_no_half_file(tmp_path: Path) -> None:
    target = tmp_path / "world.jsonl"
    said: list[str] = []
    fails = Job("fails", ["-c", "print('half'); raise SystemExit(4)"], target)
    assert execute([Job("works", ["-c", ""]), fails, Job("never", ["-c", ""])], said.append) == 4
    assert said == ["$ works", "$ fails"] and not target.exists()
    assert execute([Job("writes", ["-c", "print('whole')"], target)], said.append) == 0
    assert target.read_text() == "whole\n"


# Comparing


def test_runs_are_compared_on_the_problems_that_both_have() -> None:
    found = gap(marks("xxxxxx.x"), marks(".....xx"))
    assert found.problems == 7
    assert found.difference.value == pytest.approx(4 / 7)
    assert found.p == mcnemar(5, 1)
    assert gap(marks("x."), marks(".x"), among=["0"]).difference.value == 1
    with pytest.raises(ValueError, match="share no problem"):
        gap(marks("x"), {})


def test_shown_are_budgets_that_all_runs_have(runs: Path) -> None:
    for policy, budgets in ((SMALL, (1, 4, 16, 64)), (MIDDLE, (1, 4, 16)), (LARGE, (1, 4))):
        write_run(runs, MAIN, policy, everywhere(budgets, {"greedy": "x...", "majority": "xx.."}))
    small, middle, large = read(runs).of(MAIN)
    assert shown_budgets([small]) == [16, 64]
    assert shown_budgets([small, middle]) == [16]
    assert shown_budgets([small, middle, large]) == [4]


def test_numbers() -> None:
    assert change(Estimate(0.03, -0.0101, 0.07)) == "+3.0 (−1.0 to +7.0)"
    assert [ratio(x) for x in (0.4567, 23.86, 99.7, 1234.4)] == ["0.457×", "23.9×", "100×", "1234×"]
    assert flops(31_000_000.0) == "3.1e7"


# Finding 2


def duel_runs(runs: Path, beam: str) -> Measured:
    """Greedy: small 2, large 6 of 12. Beam search of the small one: as given, with 10 times greedy's tokens."""
    right = {("greedy", 1): pattern("xx.........."), ("beam", 4): pattern(beam)}
    write_run(runs, MAIN, SMALL, right, tokens={("greedy", 1): (50, 0), ("beam", 4): (500, 250)})
    write_run(runs, MAIN, LARGE, {("greedy", 1): pattern("xxxxxx......")}, tokens={("greedy", 1): (60, 0)})
    return read(runs)


def test_the_small_policy_wins_at_these_ratios(runs: Path) -> None:
    duels = small_against_large.duels(duel_runs(runs, "xxxxxxxxxxxx"))
    greedy, beam = sorted(duels, key=lambda duel: duel.budget)
    assert (beam.small, beam.large, beam.prm) == ("nano", "nano-large", "nano-prm")
    assert beam.parameters == 40 and beam.parameters_with_prm == 8
    assert beam.flops_of_policy == pytest.approx(4e6 * 60 / (1e5 * 500))
    assert beam.flops == pytest.approx(4e6 * 60 / (1e5 * 500 + 4e5 * 250))
    assert beam.gap.difference.value == 0.5 and beam.gap.p == mcnemar(6, 0)
    assert greedy.prm is None and greedy.parameters_with_prm == 40
    assert greedy.gap.difference.value == pytest.approx(-4 / 12)
    for measure in small_against_large.MEASURES.values():
        assert small_against_large.largest(duels, measure, small_against_large.at_least_as_good) == beam
        assert small_against_large.largest(duels, measure, small_against_large.better) == beam


def test_as_good_is_not_yet_better(runs: Path) -> None:
    measured = duel_runs(runs, "xxxxxxx.....")
    duels = small_against_large.duels(measured)
    size = small_against_large.MEASURES["parameters of the policy"]
    won = small_against_large.largest(duels, size, small_against_large.at_least_as_good)
    assert won is not None and won.method == "beam"
    assert small_against_large.largest(duels, size, small_against_large.better) is None
    line = next(
        line for line in small_against_large.finding(measured).body.splitlines() if "parameters of the p" in line
    )
    assert "**40×**: nano, beam, N = 4, nano-prm against nano-large (+8.3 points, p = 1.000) | never |" in line


def test_a_small_policy_that_loses_is_said_to_lose(runs: Path) -> None:
    body = small_against_large.finding(duel_runs(runs, "xxxxx.......")).body
    assert body.count("| never | never |") == len(small_against_large.MEASURES)
    assert "−8.3" in body
    assert "Of 2 comparisons the small policy is at least as good in 0, better with p < 0.05 in 0" in body


def test_the_other_prm_takes_part(runs: Path) -> None:
    duel_runs(runs, "x...........")
    right = {("greedy", 1): pattern("xx.........."), ("dvts", 4): pattern("xxxxxxx.....")}
    write_run(runs, SMALL_PRM, SMALL, right, prm_parameters=100_000)
    duels = small_against_large.duels(read(runs))
    assert [duel.name for duel in duels] == [
        "nano, greedy",
        "nano, beam, N = 4, nano-prm",
        "nano, dvts, N = 4, nano-prm-small",
    ]
    assert duels[-1].parameters_with_prm == 20


# Finding 3


def test_a_winner_is_one_that_the_test_can_tell_from_the_second() -> None:
    right = {"majority": marks("........"), "beam": marks("xxxxxxx."), "dvts": marks("x.......")}
    ranking = best_method.rank(right, list(right["beam"]))
    assert ranking.order == ["beam", "dvts", "majority"]
    assert ranking.lead.p == mcnemar(6, 0) < 0.05 and ranking.winner == "beam"
    assert best_method.judgement(right, list(right["beam"]), "beam") == "beam: the best here"
    assert best_method.judgement(right, list(right["beam"]), "dvts") == "dvts: worse (−75.0, p 0.031)"


def test_no_winner_where_chance_explains_the_lead() -> None:
    right = {"majority": marks("x......."), "beam": marks("xxxxxx.."), "dvts": marks(".x......")}
    few = ["0", "1", "2"]
    assert best_method.rank(right, few).winner is None
    assert best_method.judgement(right, few, "majority") == "majority: no difference (−66.7, p 0.500)"


@pytest.mark.parametrize(("share", "bin"), [(1, "easy"), (0.5, "easy"), (0.49, "medium"), (0.1, "medium"), (0, "hard")])
def test_difficulty(share: float, bin: str) -> None:
    assert best_method.difficulty(share) == bin


def test_difficulty_is_counted_from_the_samples(runs: Path) -> None:
    right = everywhere((4, 16), {"greedy": "xxx", **dict.fromkeys(EVEN, "xxx")})
    write_run(runs, MAIN, MIDDLE, right, samples_right=[8, 2, 1])
    measured = read(runs)
    with Judge() as judge:
        found = best_method.difficulties(measured.runs["main-nano-medium"], judge)
    assert found == {"problem 0": "easy", "problem 1": "medium", "problem 2": "hard"}
    body = best_method.finding(measured).body
    assert "| nano-medium | medium | 1 | majority 100.0 | best-of-n 100.0 |" in body
    hard = next(line for line in body.splitlines() if "| nano-medium | hard |" in line)
    assert hard.endswith("| no difference | beam: no difference (0.0, p 1.000) | beam: no difference (0.0, p 1.000) |")


# Finding 4


def test_gains_shrink_by_their_difference(runs: Path) -> None:
    write_run(runs, MAIN, SMALL, everywhere((16,), {"greedy": "x.........", **EVEN}))
    write_run(runs, MAIN, MIDDLE, everywhere((16,), {"greedy": "xxxxx.....", **EVEN}))
    small, large = read(runs).of(MAIN)
    assert gains.best_search(small, 16) == ("beam", 16)
    assert gains.shrinking(small, large, 16, ("greedy", 1)).value == pytest.approx(0.5 - 0.1)
    assert gains.shrinking(small, large, 16, ("majority", 16)).value == 0
    rows = [line for line in gains.finding(read(runs)).body.splitlines() if line.startswith("| nano | 100,000")]
    assert "| beam | 60.0 | 10.0 | +50.0 (" in rows[0] and "| 500 % |" in rows[0]


# The document


def write_all(runs: Path) -> None:
    for policy in (SMALL, MIDDLE, LARGE):
        write_run(runs, MAIN, policy, everywhere((1, 4, 16, 64), {"greedy": "xx........", **EVEN}))
        write_run(runs, SMALL_PRM, policy, everywhere((4, 16), {"greedy": "xx........", **EVEN, "beam": "x........."}))
        for world in (FAMILY, SIZE):
            write_run(runs, world, policy, everywhere((1, 4, 16), {"greedy": "x.........", **EVEN}))


def test_the_report_fills_the_document_and_twice_is_once(runs: Path, document: Path) -> None:
    write_all(runs)
    document.write_text(document.read_text().replace("## 2.", "Prose by hand.\n\n## 2."))
    before = outside(document)
    assert report(runs, document) == []
    once = {file: file.read_bytes() for file in [document, *document.with_suffix("").iterdir()]}
    assert report(runs, document) == []
    assert {file: file.read_bytes() for file in [document, *document.with_suffix("").iterdir()]} == once
    assert outside(document) == before and "Prose by hand." in document.read_text()
    shown = set(re.findall(r"\(findings/(.+?\.svg)\)", document.read_text()))
    assert shown == {file.name for file in document.with_suffix("").iterdir()} and len(shown) == 7
    text = document.read_text()
    assert "Not measured yet" not in text
    (either_prm,) = [line for line in text.splitlines() if line.startswith("| nano | beam | 16 | 60.0 (")]
    assert "| 10.0 (" in either_prm and "| +50.0 (" in either_prm
    assert "| unseen families | nano-large | 10 | 10.0 (" in text
    assert "*Without intervals, as the samples are not there: nano, nano-medium, nano-large.*" in text


def outside(document: Path) -> str:
    return re.sub(r"(<!-- (?:finding .|runs) -->).*?<!-- end -->", r"\1", document.read_text(), flags=re.DOTALL)


def test_runs_that_are_missing_are_named(runs: Path, document: Path) -> None:
    absent = report(runs, document)
    assert len(absent) == 12 and "size-nano-large" in absent
    assert document.read_text().count("Not measured yet") == len(FINDINGS)
    write_run(runs, MAIN, MIDDLE, everywhere((1, 4), {"greedy": "xx........", **EVEN}))
    assert "main-nano-medium" not in report(runs, document)
    assert "*Not measured yet: main-nano, main-nano-large.*" in document.read_text()


def test_a_document_without_a_marker_is_left_alone(runs: Path, document: Path) -> None:
    write_run(runs, MAIN, MIDDLE, everywhere((1, 4), {"greedy": "xx........", **EVEN}))
    document.write_text(document.read_text().replace("<!-- finding C -->\n", ""))
    before = document.read_bytes()
    with pytest.raises(ValueError, match="finding C"):
        report(runs, document)
    assert document.read_bytes() == before and not document.with_suffix("").exists()


def test_a_block_may_hold_backslashes() -> None:
    text = fill("a\n<!-- x -->\nold\n<!-- end -->\nb <!-- end -->", {"x": r"\1 \g<0>"})
    assert text == "a\n<!-- x -->\n\n\\1 \\g<0>\n\n<!-- end -->\nb <!-- end -->"


# One real run


def test_from_the_command_to_the_document_with_nano(runs: Path, document: Path) -> None:
    asked = ["--limit", "5", "--budgets", "1,4", "--policies", "nano", "--parts", "main"]
    command = [sys.executable, "-m", "benchmarks.findings", "run", "--out", str(runs), *asked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "$ tts eval nano --policy nano --prm nano-prm" in done.stderr
    assert "main-nano" not in report(runs, document)
    summary = json.loads((runs / "main-nano" / "summary.json").read_text())
    assert f"| main-nano | {summary['problems']} of nano | nano | nano-prm |" in document.read_text()
    pictures = {file.name for file in document.with_suffix("").iterdir()}
    assert {"accuracy.svg", "best-method.svg", "gains.svg", "choices.svg"} <= pictures
    check_votes(read(runs).runs["main-nano"])


def check_votes(run: choices.Run) -> None:
    """What is voted on anew, problem by problem, is what the summary counted."""
    voted = choices.revote(run, [4])
    assert voted is not None
    counted = {
        (one.aggregate, one.select): one.accuracy
        for one in run.summary.rescored
        if one.budget == 4 and one.method == "best-of-n"
    }
    for choice in choices.SHOWN:
        right = voted[4][choice].values()
        assert sum(right) / len(right) == pytest.approx(counted[choice])
    assert voted[4]["last", "weighted"] == run.right(("best-of-n", 4))
