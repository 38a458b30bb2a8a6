"""A search method of an installed package, through the whole program; and packages that are broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tts_cli import Solver, TtsError, UsageError
from tts_cli.search.methods import METHODS, Method, find, load_plugins, register

ROOT = Path(__file__).parents[1]
TOY = '''
from tts_cli.search.methods import Method
from tts_cli.search.sampling import sample_solution


async def toy(search, budget, beam_width):
    """N solutions, of which every other one is scored."""
    await search.gather(*(sample_solution(search, i, scored=i % 2 == 0) for i in range(budget)))


TOY = Method("toy", toy, "N solutions, every other one scored", needs_prm=True, samples="independent")
'''


def install(folder: Path, name: str, code: str, value: str) -> None:
    """A distribution as an installer leaves it: a module, and what its entry point is called."""
    (folder / f"{name}.py").write_text(code)
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[tts_cli]\n{name} = {value}\n")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    install(tmp_path, "toy", TOY, "toy:TOY")
    return tmp_path


def tts(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The real program, with `folder` among the places where packages are installed."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "COLUMNS": "200"}
    command = [sys.executable, "-P", "-m", "tts_cli", *arguments]
    return subprocess.run(
        command, env=environment, cwd=folder, input=stdin, capture_output=True, text=True, check=False
    )


def test_solve_runs_it_and_explain_reads_its_trace(toy: Path) -> None:
    asked = ("solve", "--json", "--method", "toy", "-n", "4", "--threads", "1", "--trace", "t.json")
    record = json.loads(tts(toy, *asked, "Compute 3 + 4.").stdout)
    assert (record["method"], record["budget"], record["answer"], record["prm"]) == ("toy", 4, "7", "nano-prm")
    assert record["why"] == "toy was asked for; N = 4 was asked for."
    explained = tts(toy, "explain", "t.json")
    assert explained.returncode == 0 and "toy, N = 4, nano + nano-prm" in explained.stdout
    assert tts(toy, "explain", "-", stdin=json.dumps(record)).returncode == 0
    assert tts(toy, "show", "t.json").returncode == 0


def test_batch_runs_it_in_worker_processes(toy: Path) -> None:
    rows = "Compute 3 + 4.\nCompute 2 + 3.\nCompute 5 + 2.\n"
    ended = tts(toy, "batch", "--method", "toy", "-n", "2", "--threads", "2", stdin=rows)
    assert (ended.returncode, ended.stderr) == (0, "")
    records = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(record["method"], record["answer"]) for record in records] == [("toy", "7"), ("toy", "5"), ("toy", "7")]


def test_eval_measures_it_beside_the_others(toy: Path) -> None:
    asked = ("eval", "nano", "--limit", "2", "--budgets", "2", "--methods", "toy,greedy", "--threads", "1", "--json")
    ended = tts(toy, *asked)
    assert ended.returncode == 0, ended.stderr
    assert '"toy"' in ended.stdout and '"greedy"' in ended.stdout


def test_help_and_errors_name_it(toy: Path) -> None:
    assert "|toy>" in tts(toy, "solve", "--help").stdout
    for asked in (("solve", "--method", "toyy", "x"), ("eval", "nano", "--methods", "toyy")):
        refused = tts(toy, *asked)
        assert refused.returncode == 2 and "toy" in refused.stderr.replace("toyy", "")


def test_the_traceback_of_a_bug_in_it_is_shown_with_debug_alone(tmp_path: Path) -> None:
    install(tmp_path, "toy", TOY.replace("await search.gather", "1 / 0 + await search.gather"), "toy:TOY")
    asked = ("batch", "--method", "toy", "-n", "2", "--threads")
    for flags, shown in ((("1", "--debug"), True), (("2", "--debug"), True), (("1",), False)):
        ended = tts(tmp_path, *asked, *flags, stdin="Compute 3 + 4.\n")
        record = json.loads(ended.stdout)
        assert record["error"] == {"kind": "internal", "message": "ZeroDivisionError: division by zero"}
        assert ended.returncode == 3
        assert ("Traceback" in ended.stderr and "toy.py" in ended.stderr) is shown, ended.stderr


@pytest.mark.parametrize(
    ("code", "value", "says"),
    [
        ("import absent", "broken:TOY", "ModuleNotFoundError, No module named 'absent'"),
        ("1 / 0", "broken:TOY", "ZeroDivisionError, division by zero"),
        ("", "broken:TOY", "AttributeError, module 'broken' has no attribute 'TOY'"),
        ("TOY = 'beam'", "broken:TOY", "broken:TOY is no Method"),
        (TOY.replace('"toy"', '"beam"'), "broken:TOY", "two search methods named 'beam'"),
    ],
)
def test_a_broken_package_is_named(tmp_path: Path, code: str, value: str, says: str) -> None:
    install(tmp_path, "broken", code, value)
    ended = tts(tmp_path, "solve", "Compute 3 + 4.")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "The plugin 'broken' of broken cannot be loaded" in ended.stderr and f"{says}.\n" in ended.stderr
    assert "hint: Mend or uninstall broken." in ended.stderr and "Traceback" not in ended.stderr


@pytest.fixture
def in_this_process(toy: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(toy))
    load_plugins.cache_clear()
    yield
    METHODS.pop("toy", None)
    sys.modules.pop("toy", None)
    load_plugins.cache_clear()


@pytest.mark.usefixtures("in_this_process")
def test_a_solver_finds_it() -> None:
    with Solver(method="toy", budget=2, threads=1) as solver:
        assert solver.solve("Compute 3 + 4.").answer == "7"
    load_plugins()
    assert find("toy").samples == "independent"


def test_a_method_may_be_registered_without_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    async def first(search, budget, beam_width):
        await METHODS["majority"].run(search, 1, beam_width)

    for name in ("beam", "auto"):
        with pytest.raises(UsageError, match="two search methods"):
            register(Method(name, first, "", needs_prm=False, samples="one"))
    monkeypatch.setitem(METHODS, "first", Method("first", first, "", needs_prm=False, samples="independent"))
    with Solver(method="first", budget=3, threads=1) as solver:
        assert solver.solve("Compute 3 + 4.").votes[0].count == 1


@pytest.mark.usefixtures("in_this_process")
def test_a_solver_names_a_broken_package(toy: Path) -> None:
    (toy / "toy.py").write_text("raise RuntimeError('no licence')")
    with pytest.raises(TtsError, match="'toy' of toy cannot be loaded: RuntimeError, no licence"):
        Solver(method="greedy")
