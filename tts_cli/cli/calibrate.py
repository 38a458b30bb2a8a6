"""`tts calibrate`: labelled problems in, a profile for `auto` out.

Samples are kept under --out as `tts eval` keeps them, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli import solver as setup
from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.consent import asker
from tts_cli.cli.eval import Dataset, Limit, Shuffle, Yes
from tts_cli.cli.options import Command, names_in
from tts_cli.cli.signals import Interruption
from tts_cli.config import MODELS, SAMPLING, Settings, resolve
from tts_cli.errors import UsageError
from tts_cli.evaluation.request import EvalFlags
from tts_cli.evaluation.run import EvalRun, open_store
from tts_cli.paths import profiles_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tts_cli.data.rows import Row
    from tts_cli.evaluation.conditions import Condition
    from tts_cli.models.load import ModelPair
    from tts_cli.protocols import ModelFacts
    from tts_cli.strategy.profile import Profile

EPILOG = """Examples:

  tts calibrate problems.jsonl

  tts calibrate problems.jsonl --policy model.gguf --prm prm.gguf --limit 300 --out samples

  tts calibrate --out samples                  goes on where it was stopped

DATASET: as for `tts eval`: a JSONL or CSV file with "problem" and "answer", or the name of a data set. Some hundred \
problems of the kind that will be asked later; fewer tell less. `auto` uses the profile with these very model files.
"""
LEAST = 40  # problems: ten folds of four
SavedProfile = Annotated[
    Path | None,
    typer.Option(
        "--profile", metavar="FILE.yaml", show_default=False, help="Where to write. (default: where `auto` looks)"
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", show_default=False, help="Keep the samples here. (default: by the profile)"),
]

FLAGS = ("beam_width", "seed", *names_in(MODELS, SAMPLING))


def calibrate(
    channels: Channels,
    dataset: Dataset = None,
    limit: Limit = None,
    shuffle: Shuffle = None,
    out: Out = None,
    profile: SavedProfile = None,
    yes: Yes = False,
    **flags: Any,
) -> int:
    """Measure a policy and PRM on labelled problems, for `auto`."""
    flags |= {"profile": "none", "method": "auto"}  # whatever is set for solving
    where = out or _samples_of(resolve(flags))
    if dataset is not None:
        _check(resolve(flags))
    asked = EvalFlags(dataset, ("best-of-n",), (1,), limit, shuffle, prm_quality=False, flags=flags)
    with open_store(where, new=dataset is not None) as store:
        run = Calibration(asked, store, channels, where)
        path = run.place(profile)
        rows = run.rows(asker(yes))
        if not run.collect(rows):
            return run.stopped("tts calibrate")
        run.save(run.profile(rows), path)
    return 0


def _check(chosen: Settings) -> None:
    """Before anything is made or loaded. Raises UsageError."""
    found = setup.models_of(chosen)
    if found.prm is None:
        raise UsageError(
            f"There is nothing to calibrate: {found.policy.name} has no PRM.",
            "Name one with --prm; without a PRM `auto` goes by the votes alone.",
        )
    if setup.effective(chosen, found).sampling.temperature == 0:
        raise UsageError("At temperature 0 all samples are equal, so there is nothing to calibrate.",
                         "Give a --temperature above 0.")  # fmt: skip


def _samples_of(chosen: Settings) -> Path:
    return profiles_dir() / f"{_pair(setup.models_of(chosen))}.samples"


def _pair(found: ModelPair) -> str:
    """A file's name; that of a model may be a path."""
    names = [found.policy.name, found.prm.name if found.prm else "none"]
    return "+".join(Path(name).name for name in names)


class Calibration(EvalRun):
    """Samples what a profile needs, and makes it."""

    def plan_conditions(
        self, policy: ModelFacts, prm: ModelFacts | None, profile: Profile | None, remark: str | None
    ) -> list[Condition]:
        from tts_cli.evaluation.calibrate import plans
        from tts_cli.evaluation.conditions import Condition

        return [Condition(plan.method, plan) for plan in plans(self.solving.beam_width)]

    def place(self, asked: Path | None) -> Path:
        """Where the profile will be; it can be written there. Raises TtsError."""
        from tts_cli.data.files import check_writable
        from tts_cli.strategy.profile import make_folder

        path = asked or profiles_dir() / f"{_pair(self.entries)}.yaml"
        make_folder(path)
        check_writable(path, "The profile")
        return path

    def rows(self, consent: Callable[[str], bool]) -> list[Row]:
        """Those with an answer, each problem once. Raises UsageError where they are too few."""
        from tts_cli.evaluation.grading import ungradable

        rows = [row for row in super().rows(consent) if ungradable(row) is None]
        distinct = list({row.problem: row for row in reversed(rows)}.values())[::-1]
        _check_number(len(distinct))
        return distinct

    def profile(self, rows: Sequence[Row]) -> Profile:
        """Raises UsageError where too many problems ended with an error."""
        from tts_cli.answers import Judge
        from tts_cli.evaluation.calibrate import (
            VARIANTS,
            CalibrationFacts,
            Observer,
            content_of,
            profile_of,
            worth_most,
        )
        from tts_cli.evaluation.calibration_figures import figures
        from tts_cli.strategy.profile import Data

        assert self.models is not None and self.models[1] is not None and self.entries.prm is not None
        policy, prm = self.models[0], self.models[1]
        with Interruption(lambda: None), Judge() as judge:  # all samples are stored: a signal ends it at once
            observer = Observer(self.solving, policy, prm, self.store, judge)
            seen = [(row, found) for row in rows if (found := observer.observe(row)) is not None]
        _check_number(len(seen))  # without problems whose search ended with an error
        facts = CalibrationFacts(
            policy=setup.model_file(self.entries.policy, policy.parameters),
            prm=setup.model_file(self.entries.prm, prm.parameters),
            data=Data(
                name=Path(self.question.dataset).name,
                problems=len(seen),
                content=content_of(row for row, _ in seen),
            ),
            settings=self.solving,
        )
        observations = {variant: [found[variant] for _, found in seen] for variant in VARIANTS}
        best = worth_most(observations, facts)
        facts = replace(facts, variant=best)
        return profile_of(observations[best], facts, figures(observations[best], facts))

    def save(self, made: Profile, path: Path) -> None:
        """Write the profile, then tell what is in it."""
        from tts_cli.cli.view import tables
        from tts_cli.cli.view.calibration import profile_tables
        from tts_cli.strategy.profile import write

        write(path, made)
        title = f"{made.data.name}: {made.data.problems} problems, {made.policy.name} + {made.prm.name}"
        found = profile_tables(title, made.figures)
        if self.channels.json:
            emit_json(_document(made, path))
        elif self.channels.rich_out:
            from rich.console import Group

            self.channels.draw(Group(*(tables.drawn(table) for table in found)))
        else:
            emit(tables.plain(found))
        self.channels.note(f"Written to {path}; its samples are in {self.out}.")


def _check_number(problems: int) -> None:
    """Raises UsageError."""
    if problems < LEAST:
        what = f"{problems} problems with an answer are too few to calibrate on; {LEAST} is the least"
        raise UsageError(f"{what}.", "Some hundred tell enough.")


def _document(made: Profile, path: Path) -> str:
    import json

    content: dict[str, Any] = {"profile": str(path), **made.model_dump(mode="json", include={"data", "figures"})}
    return json.dumps(content)


COMMAND = Command(calibrate, FLAGS, EPILOG)
