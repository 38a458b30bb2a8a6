"""`tts calibrate`: labelled problems in, a profile for `auto` out.

Samples are kept under --out as `tts eval` keeps them, so that a run that was killed goes on where it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tts_cli.cli.channels import Channels
from tts_cli.cli.eval import Dataset, Limit, Shuffle, Yes
from tts_cli.cli.options import Command, names_in
from tts_cli.cli.sampling import asker, sample
from tts_cli.cli.signals import Interruption
from tts_cli.config import MODELS, SAMPLING, resolve

EPILOG = """Examples:

  tts calibrate problems.jsonl

  tts calibrate problems.jsonl --policy model.gguf --prm prm.gguf --limit 300 --out samples

  tts calibrate --out samples                  goes on where it was stopped

DATASET: as for `tts eval`: a JSONL or CSV file with "problem" and "answer", or the name of a data set. A few hundred \
problems of the kind that will be asked later; fewer say less. `auto` uses the profile with these very model files.
"""
SavedProfile = Annotated[
    Path | None, typer.Option("--profile", metavar="FILE.yaml", help="Where to write. (default: where `auto` looks)")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Keep the samples here. (default: by the profile)")
]


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
    from tts_cli.cli.view.calibration import present
    from tts_cli.data.files import check_writable
    from tts_cli.evaluation.calibrate import calibration, check, default_file, labelled_rows, make_profile
    from tts_cli.evaluation.store import open_store
    from tts_cli.loading import models_of
    from tts_cli.strategy.profile import make_folder, write

    flags |= {"profile": "none", "method": "auto"}  # whatever is set for solving
    settings = resolve(flags)
    if dataset is not None:
        check(settings)
    out = out or default_file(models_of(settings), ".samples")
    with open_store(out, new=dataset is not None) as store:
        evaluation = calibration(store, flags, dataset=dataset, limit=limit, shuffle=shuffle)
        path = profile or default_file(evaluation.models, ".yaml")
        make_folder(path)
        check_writable(path, "The profile")
        rows = labelled_rows(evaluation, asker(yes))
        stopped = sample(evaluation, rows, channels, f"tts calibrate --out {out}")
        if stopped is not None:
            return stopped
        with Interruption():  # all samples are stored: a signal ends it at once
            made = make_profile(evaluation, rows)
    write(path, made)
    present(channels, made, path)
    channels.note(f"Written to {path}; its samples are in {out}.")
    return 0


COMMAND = Command(calibrate, ("beam_width", "seed", "calculator", *names_in(MODELS, SAMPLING)), EPILOG)
