"""`tts train-prm`: labelled problems in, a head out, which makes a policy (or another model) score steps.

Samples and states are kept under --store, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.channels import Channels
from tts_cli.cli.eval import Dataset, Limit, Shuffle, Yes
from tts_cli.cli.options import Command, names_in
from tts_cli.cli.sampling import asker, sample
from tts_cli.cli.signals import Interruption
from tts_cli.config import MAX_BUDGET, SAMPLING, resolve

if TYPE_CHECKING:
    from tts_cli.config import Settings
    from tts_cli.evaluation.heads.labels import LabelledProblem
    from tts_cli.evaluation.heads.states import StateFiles
    from tts_cli.evaluation.heads.train import ReadModel

EPILOG = """Examples:

  tts train-prm problems.jsonl --policy model.gguf

  tts train-prm problems.jsonl --policy model.gguf --base larger.gguf --samples 16

  tts train-prm --store samples                goes on where it was stopped

DATASET: as for `tts eval`: a JSONL or CSV file with "problem" and "answer", or the name of a data set. A few hundred \
problems are a beginning, some that the policy solves now and then. Rows with "steps" and "first_error" are not \
sampled: their steps are learned from.
"""
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="NAME|FILE.gguf", help="Reads the solutions. (default: the policy itself)"),
]
Samples = Annotated[
    int | None,
    typer.Option("--samples", metavar="N", min=2, max=MAX_BUDGET, help="Solutions per problem. (default: 8)"),
]
HeadPath = Annotated[
    Path | None,
    typer.Option("--out", metavar="HEAD.safetensors", help="Where to write. (default: here, by the models' names)"),
]
StoreFolder = Annotated[
    Path | None,
    typer.Option("--store", metavar="DIR", help="Keep samples and states here. (default: as `tts calibrate`)"),
]


def train_prm(
    channels: Channels,
    dataset: Dataset = None,
    limit: Limit = None,
    shuffle: Shuffle = None,
    samples: Samples = None,
    base: Base = None,
    out: HeadPath = None,
    store: StoreFolder = None,
    yes: Yes = False,
    **flags: Any,
) -> int:
    """Train a small PRM head on labelled problems."""
    from tts_cli.cli.view.head import present
    from tts_cli.data.files import check_writable
    from tts_cli.evaluation.calibrate import default_file
    from tts_cli.evaluation.heads import train
    from tts_cli.evaluation.heads.labels import labelled_problems
    from tts_cli.evaluation.heads.states import StateFiles
    from tts_cli.evaluation.store import open_store
    from tts_cli.loading import models_of

    flags |= {"profile": "none", "method": "auto"}  # whatever is set for solving
    settings = resolve(flags)
    folder = store or default_file(models_of(settings), ".samples")
    with open_store(folder, new=dataset is not None) as kept:
        how: dict[str, Any] = {"dataset": dataset, "limit": limit, "shuffle": shuffle, "samples": samples}
        evaluation = train.head_samples(kept, flags, **how)
        settings = evaluation.asked.settings
        train.check(settings)
        model = train.read_model(settings, base)
        path = out or train.default_head(evaluation.models.policy.name, model)
        check_writable(path, "The head")
        to_sample, bring = train.labelled_rows(evaluation, asker(yes))
        again = f"tts train-prm --store {folder}" + (f" --base {base}" if base else "")
        stopped = sample(evaluation, to_sample, channels, again) if to_sample else None
        if stopped is not None:
            return stopped
        problems = labelled_problems(evaluation, to_sample, bring)
        files = StateFiles(folder, model.content, model.entry.separator)
        stopped = _read_states(channels, settings, model, problems, files, again)
        if stopped is not None:
            return stopped
        with Interruption():  # all states are stored: a signal ends it at once
            channels.note(f"Training on {len(problems)} problems.")
            made = train.make_head(evaluation, model, problems, [*to_sample, *bring], files)
    made.file.write(path)
    present(channels, made.file.card.model_dump(mode="json"), made.figures, path)
    channels.note(f"Written to {path}; samples and states are in {folder}.")
    return 0


def _read_states(
    channels: Channels,
    settings: Settings,
    model: ReadModel,
    problems: Sequence[LabelledProblem],
    files: StateFiles,
    again: str,
) -> int | None:
    """Read what is not stored. None once all is there, else the exit code of the signal that ended it."""
    from tts_cli.evaluation.heads.train import open_reader

    missing = files.missing(problems)
    if not missing:
        return None
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption(lambda: channels.note("Stopping after this problem.")))
        reader = open_reader(settings, model, stack, channels.note)
        line = None
        if channels.live:
            from tts_cli.cli.view.progress import Progress

            done = len(problems) - len(missing)
            console = channels.console(stderr=True)
            line = stack.enter_context(Progress(console, {}, total=len(problems), done=done))
        interruption.arm()
        for tokens in files.read_missing(missing, reader, lambda: interruption.requested):
            if line is not None:
                line.spend(tokens)
                line.finish()
                line.tick()
    if not interruption.requested:
        return None
    channels.note(f"Stopped. What is finished is kept; go on with: {again}")
    return interruption.exit_code or 1


_SETTINGS = ("seed", "calculator", "policy", "threads", "gpu_layers", "ctx_size", *names_in(SAMPLING))
COMMAND = Command(train_prm, _SETTINGS, EPILOG)
