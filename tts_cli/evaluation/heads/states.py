"""The states of labelled problems on disk: one file a problem, so that a run that was killed loses one problem at most.

The folder lies beside the samples and is named by the model file that was read, a file in it by the problem. A file
says which steps it holds: another number of samples is read anew.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tts_cli.data.files import write_atomically
from tts_cli.errors import TtsError, reason
from tts_cli.evaluation.heads.labels import LabelledProblem
from tts_cli.models.prm.likelihoods import NAMES
from tts_cli.models.prm.states import StepStates, step_paths

if TYPE_CHECKING:
    from tts_cli.models.prm.states import StateReader

FORMAT = 1
"""Goes up whenever the same text gives other numbers."""

_ARRAYS = ("end", "mean", "likelihoods", "there", "doubtful")
_SINCE = "doubtful"  # not in files of older versions, which are not read anew for it


class StateFiles:
    """The states that one model file has of problems. Raises TtsError where the folder cannot be made."""

    def __init__(self, samples: Path, content: str, separator: str) -> None:
        """`samples`: the folder of the samples; `content`: the fingerprint of the model file."""
        self.folder = samples / f"states-{content}"
        self._layout = f"{FORMAT} {separator!r} {NAMES}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TtsError(f"{self.folder} cannot be made: {reason(error)}.", "Name another --store.") from error

    def load(self, problem: LabelledProblem) -> StepStates | None:
        """None where they are not there: never read, of other steps, or damaged."""
        try:
            with self._path(problem).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                if str(file["steps"]) != self._steps(problem):
                    return None
                arrays = {name: file[name] for name in _ARRAYS if name != _SINCE or name in file}
                return StepStates(**arrays)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, problem: LabelledProblem, states: StepStates) -> None:
        """Whole or not at all. Raises TtsError."""
        arrays = {name: getattr(states, name) for name in _ARRAYS if getattr(states, name) is not None}
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, steps=np.array(self._steps(problem)), **arrays)
        write_atomically(self._path(problem), buffer.getvalue(), "A problem's states")

    def missing(self, problems: Sequence[LabelledProblem]) -> list[LabelledProblem]:
        """Those whose states are still to be read."""
        return [problem for problem in problems if self.load(problem) is None]

    def read_missing(
        self,
        problems: Sequence[LabelledProblem],
        reader: StateReader,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[int]:
        """Read the problems, one after another, each stored when it is done; yields the tokens that were run for it."""
        for problem in problems:
            if should_stop():
                return
            states, tokens = reader.read(problem.text, [solution.steps for solution in problem.solutions])
            self.save(problem, states)
            yield tokens

    def _path(self, problem: LabelledProblem) -> Path:
        return self.folder / f"{problem.key}.npz"

    def _steps(self, problem: LabelledProblem) -> str:
        """A hash of what the file must hold."""
        paths = step_paths(solution.steps for solution in problem.solutions)
        return sha256(repr((self._layout, paths)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
