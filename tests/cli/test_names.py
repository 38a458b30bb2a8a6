"""Names of models, files and data sets are shown as they are, wherever they stand; columns never touch."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from tests.cli import scripted
from tests.cli.conftest import Here, Program
from tests.cli.test_eval_view import summary
from tests.cli.test_terminal import finish, without_styles
from tts_cli.analysis import report
from tts_cli.analysis.tree import TreeState
from tts_cli.answers.judge import Judge
from tts_cli.cli.doctor import _plain
from tts_cli.cli.doctor_checks import Check
from tts_cli.cli.view import check, curves, explain, figure, final, html, live, results, tables
from tts_cli.data.checked import CheckedSolution
from tts_cli.data.record import Record
from tts_cli.evaluation.report import timing
from tts_cli.evaluation.store import SamplingCost
from tts_cli.protocols import ModelFacts
from tts_cli.search.events import SearchStarted

NAMES = [
    "SmolLM2-135M.Q4_1",
    "qwen2.5-q4_k_m",
    "model^2_x_{10}",
    "a_1_b_2",
    "phi$x$_3",
    r"C:\times\alpha_1",
    r"\frac{1}{2}",
    "[red]q8_0[/red]",
]


def drawn(item: RenderableType, width: int = 300) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
    console.print(item)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def record_of(name: str) -> Record:
    why = f"auto by the paper's table, as the profile {name}.yaml was made by another version of tts."
    return scripted.record(policy=name, prm=f"{name}-prm", why=why)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_models_are_never_maths(name: str) -> None:
    record = record_of(name)
    tree = TreeState([SearchStarted("1 + 1", "beam", 8, 4, name, f"{name}-prm", "so")])
    with Judge() as judge:
        explained = report.explain(record, None, {}, judge)
    checked = CheckedSolution(problem="1 + 1", steps=(), prm=name, prm_tokens=0, flops=0.0)
    for text in (
        drawn(final.picture(record, [])),
        live.frame(tree, live.LiveLimits(), 1, 300, 20).plain,
        drawn(explain.picture(explained)),
        explain.plain(explained),
        drawn(check.picture(checked, 0.5)),
    ):
        assert name in text
    page = html.page(tree, record)
    assert page.count(name) == 3, "as policy, as PRM, and in why"


@pytest.mark.parametrize("name", NAMES)
def test_names_of_data_sets_levels_and_subjects_are_never_maths(name: str) -> None:
    measured = summary(subject=name[:24])
    facts = replace(measured.facts, dataset=name, policy=ModelFacts(name, 10))
    measured = replace(measured, facts=facts)
    found = results.result_tables(measured, timing(measured, SamplingCost()))
    text = "\n".join(drawn(tables.drawn(table)) for table in found)
    assert text.count(name[:24]) >= 3
    panels = curves.panels(measured)
    assert panels and figure.draw(measured, "svg").count(b"<svg") == 1


def test_a_real_file_keeps_its_name(tts: Program, model_files: Path) -> None:
    (tts.work / "tiny.q4_1.gguf").write_bytes((model_files / "tiny.gguf").read_bytes())
    output = finish(tts.terminal("solve", "--policy", "tiny.q4_1.gguf", scripted.PROBLEM))
    assert "tiny.q4_1" in without_styles(output) and "₁" not in output


@pytest.mark.parametrize("name", ["model x", "model nano-prm-small", "model " + "long" * 12, "model 数学", "GPU"])
def test_columns_of_doctor_have_blanks_between(name: str) -> None:
    lines = _plain([Check("tts", "ok", "0.1.0"), Check(name, "fail", "2.1 MB", "Do this.")]).splitlines()
    assert re.fullmatch(r"ok    tts +0\.1\.0", lines[0])
    assert re.fullmatch(rf"fail  {name}  +2\.1 MB", lines[1])
    assert re.fullmatch(r" +fix: Do this\.", lines[2])


def test_columns_of_a_model_have_blanks_between(here: Here) -> None:
    for line in here("models", "show", "nano").stdout.splitlines():
        assert re.match(r"[a-z_0-9]+  +\S", line), line
