"""States on disk: each problem whole or not at all, and never those of other steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.heads.synthetic import problem_of, states_of
from tts_cli.errors import TtsError
from tts_cli.evaluation.heads.fit import Recipe
from tts_cli.evaluation.heads.labels import LabelledProblem
from tts_cli.evaluation.heads.selection import ALL, GATED, fit_best
from tts_cli.evaluation.heads.states import StateFiles
from tts_cli.evaluation.heads.table import table_of
from tts_cli.models.prm.states import StepStates

PROBLEM = problem_of(1, [True, False, True])
READ = states_of(PROBLEM, "nowhere", 0, np.random.default_rng(0))


class Reader:
    """Reads nothing, and counts; ends at a problem as a kill would."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.dies_at, self.read_so_far = dies_at, list[str]()

    def read(self, problem: str, solutions: object) -> tuple[StepStates, int]:
        if len(self.read_so_far) == self.dies_at:
            raise KeyboardInterrupt
        self.read_so_far.append(problem)
        return READ, 10


def files(folder: Path, content: str = "c0ffee", separator: str = "\n\n") -> StateFiles:
    return StateFiles(folder, content, separator)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    files(tmp_path).save(PROBLEM, READ)
    found = files(tmp_path).load(PROBLEM)
    assert found is not None
    for name in ("end", "mean", "likelihoods", "there", "doubtful"):
        assert (getattr(found, name) == getattr(READ, name)).all()
    assert found.end.dtype == np.float16


def test_files_of_older_versions_are_not_read_anew(tmp_path: Path) -> None:
    """They lack what only some heads read: these are not tried."""
    files(tmp_path).save(PROBLEM, replace(READ, doubtful=None))
    found = files(tmp_path).load(PROBLEM)
    assert found is not None and found.doubtful is None and (found.end == READ.end).all()
    older = table_of([PROBLEM, PROBLEM], [found, READ])
    assert not older.has(GATED) and older.has(ALL)
    assert (
        fit_best(older, np.arange(2), 0, [Recipe("linear", GATED, 0.1), Recipe("linear", ALL, 0.1)]).recipe.inputs
        == ALL
    )


def test_other_steps_models_and_layouts_have_other_states(tmp_path: Path) -> None:
    files(tmp_path).save(PROBLEM, READ)
    fewer = LabelledProblem(PROBLEM.key, PROBLEM.text, PROBLEM.solutions[:2])
    assert files(tmp_path).load(fewer) is None
    assert files(tmp_path, content="decaf").load(PROBLEM) is None
    assert files(tmp_path, separator="\n").load(PROBLEM) is None


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "pickle"])
def test_a_damaged_file_is_read_anew(tmp_path: Path, damage: str) -> None:
    kept = files(tmp_path)
    kept.save(PROBLEM, READ)
    (path,) = kept.folder.iterdir()
    whole = path.read_bytes()
    if damage == "pickle":
        np.savez(path, steps=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    else:
        path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "text": b"hello"}[damage])
    assert kept.load(PROBLEM) is None and kept.missing([PROBLEM]) == [PROBLEM]


def test_a_run_that_dies_loses_the_problem_that_it_was_at(tmp_path: Path) -> None:
    problems = [problem_of(i, [True, False, True]) for i in range(5)]
    kept, dying = files(tmp_path), Reader(dies_at=3)
    with pytest.raises(KeyboardInterrupt):
        list(kept.read_missing(problems, dying))  # type: ignore[arg-type]
    again = Reader()
    assert list(kept.read_missing(kept.missing(problems), again)) == [10, 10]  # type: ignore[arg-type]
    assert dying.read_so_far + again.read_so_far == [problem.text for problem in problems]
    assert kept.missing(problems) == []


def test_it_stops_between_two_problems(tmp_path: Path) -> None:
    problems, reader = [problem_of(i, [True]) for i in range(3)], Reader()
    list(files(tmp_path).read_missing(problems, reader, lambda: len(reader.read_so_far) == 2))  # type: ignore[arg-type]
    assert len(reader.read_so_far) == 2


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(TtsError, match="cannot be made"):
        files(tmp_path / "taken")
