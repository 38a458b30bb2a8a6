"""From labelled problems to a head. `tts train-prm` is its command line.

    head_samples ── sample ── labelled_problems ── open_reader, read_missing ── make_head ── HeadFile

What is sampled is what `tts eval --methods majority` samples, in a store that both can use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tts_cli import __version__
from tts_cli.answers.judge import Judge
from tts_cli.config import Settings
from tts_cli.data.datasets import open_dataset
from tts_cli.data.rows import Row
from tts_cli.errors import UsageError
from tts_cli.evaluation.calibrate import content_of
from tts_cli.evaluation.config import EvalConfig, resolve, select_rows
from tts_cli.evaluation.heads.figures import HeadFigures, measure
from tts_cli.evaluation.heads.labels import LabelledProblem, usable_rows
from tts_cli.evaluation.heads.selection import FittedHead, OnFit, fit_best, held_out_chances
from tts_cli.evaluation.heads.states import StateFiles
from tts_cli.evaluation.heads.table import StepTable, table_of
from tts_cli.evaluation.run import EvalRun
from tts_cli.evaluation.store import Store
from tts_cli.loading import effective, load_models, models_of
from tts_cli.models.content import of_file
from tts_cli.models.load import ModelPair
from tts_cli.models.load import resolve as resolve_model
from tts_cli.models.prm.head_file import Backbone, HeadCard, HeadData, HeadFile, HeadLayout
from tts_cli.models.registry import ModelEntry, Registry, locate

if TYPE_CHECKING:
    from tts_cli.models.prm.states import StateReader

SAMPLES = 8
_ASKED = "head"  # what the store keeps of the last question


@dataclass(frozen=True, slots=True)
class ReadModel:
    """The model whose states a head reads, not loaded. `own`: it is the policy. `content`: its fingerprint."""

    entry: ModelEntry
    content: str
    own: bool
    registry: Registry


def check(settings: Settings) -> None:
    """Before a model is loaded. Raises UsageError where all samples would be equal."""
    if effective(settings, models_of(settings)).sampling.temperature == 0:
        raise UsageError(
            "At temperature 0 all samples are equal, so there is nothing to learn to choose.",
            "Give a --temperature above 0.",
        )


def read_model(settings: Settings, base: str | None) -> ReadModel:
    """`base`: a name or a file; None: the policy. Raises UsageError, and ModelError where there is no such file."""
    found = models_of(settings)
    entry = found.policy if base is None else resolve_model(base, "policy", found.registry)
    content = of_file(locate(entry))
    return ReadModel(entry, content, content == of_file(locate(found.policy)), found.registry)


def default_head(policy: str, model: ReadModel) -> Path:
    """Where a head is written where nothing else is said: in the current folder, by the names of the models."""
    names = [Path(policy).name] + ([] if model.own else [Path(model.entry.name).name])
    return Path(f"{'+'.join(names)}-head.safetensors")


def head_samples(
    store: Store,
    flags: Mapping[str, Any],
    *,
    dataset: str | None = None,
    limit: int | None = None,
    shuffle: bool | None = None,
    samples: int | None = None,
) -> EvalRun:
    """The evaluation whose samples a head is trained on. Without a data set the stored one goes on: that of the last
    head, else that of `tts eval`. What `tts eval` was asked stays as it is.

    Raises as `config.resolve` and `EvalRun` do.
    """
    evaluated, trained = store.about("config"), store.about(_ASKED)
    fields = (trained or evaluated) if dataset is None else None
    before = EvalConfig.model_validate(fields) if fields else None
    budgets = (samples or (max(before.budgets) if before else SAMPLES),)
    how: dict[str, Any] = {"dataset": dataset, "limit": limit, "shuffle": shuffle}
    # No PRM has a part in these samples, so they go with those of any.
    asked = resolve(before, {**flags, "prm": "none"}, methods=("majority",), budgets=budgets, **how)
    try:
        evaluation = EvalRun(asked, store)
    except UsageError as error:  # `--out` is the head here
        raise UsageError(*(text.replace("--out", "--store") for text in (error.what, error.hint))) from error
    store.set_about(**{_ASKED: store.about("config"), "config": evaluated or store.about("config")})
    return evaluation


def labelled_rows(
    evaluation: EvalRun, consent: Callable[[str], bool] = lambda question: False
) -> tuple[list[Row], list[Row]]:
    """The rows to be sampled, and those that bring a solution. Raises UsageError where they are too few."""
    with open_dataset(evaluation.asked.dataset, consent) as rows:
        return usable_rows(select_rows(rows, evaluation.asked))


def open_reader(
    settings: Settings, model: ReadModel, stack: ExitStack, on_note: Callable[[str], None] = lambda note: None
) -> StateReader:
    """Load the model that reads; `stack` closes it. Raises ModelError."""
    from tts_cli.models.prm.states import StateReader

    alone = ModelPair(model.entry, None, model.registry)
    policy, _ = load_models(settings, alone, stack, on_note=on_note)
    return StateReader(policy)


@dataclass(frozen=True, slots=True)
class MadeHead:
    """A head and what it was measured to be worth."""

    file: HeadFile
    figures: HeadFigures


def make_head(
    evaluation: EvalRun,
    model: ReadModel,
    problems: Sequence[LabelledProblem],
    rows: Iterable[Row],
    files: StateFiles,
    on_fit: OnFit = lambda: None,
) -> MadeHead:
    """Train on all problems, and measure on each by a head that was trained without it. All states must be there."""
    states = [(problem, read) for problem in problems if (read := files.load(problem)) is not None]
    table = table_of([problem for problem, _ in states], [read for _, read in states])
    if not table.solutions:
        raise UsageError("No solution fits into the model's context.", "Give a larger --ctx-size or another --base.")
    seed = evaluation.settings.seed
    chances = held_out_chances(table, seed, on_fit=on_fit)
    fitted = fit_best(table, np.arange(len(table.solutions)), seed, on_fit=on_fit)
    with Judge() as judge:
        figures = measure(table, chances, judge, seed)
    card = _card(evaluation, model, table, content_of(rows), fitted, figures)
    return MadeHead(HeadFile(card, dict(fitted.tensors)), figures)


def _card(
    evaluation: EvalRun, model: ReadModel, table: StepTable, content: str, fitted: FittedHead, figures: HeadFigures
) -> HeadCard:
    samples = sum(one.solution.count for solutions in table.solutions for one in solutions)
    recipes = {recipe.name: float(f"{loss:.4g}") for recipe, loss in fitted.losses.items()}
    backbone, layout = _described(model, int(table.inputs["end"].shape[1]))
    return HeadCard(
        tts=__version__,
        made=date.today().isoformat(),
        kind=fitted.recipe.kind,
        inputs=fitted.recipe.inputs,
        backbone=backbone,
        policy=evaluation.models.policy.name,
        own_states=model.own,
        layout=layout,
        data=HeadData(
            name=Path(evaluation.asked.dataset).name,
            problems=len(table.solutions),
            samples=samples,
            content=content,
            labels="steps" if table.by_steps else "outcome",
        ),
        aggregate="min" if table.by_steps else "last",
        calibration=fitted.calibration,
        figures=figures.as_dict() | {"recipe": fitted.recipe.name, "losses": recipes},
    )


def _described(model: ReadModel, n_embd: int) -> tuple[Backbone, HeadLayout]:
    """What the card says of the model and of the text that it reads."""
    from tts_cli.models.prm.states import prompt_text

    architecture, prompt = prompt_text(model.entry, model.registry)
    backbone = Backbone(name=model.entry.name, architecture=architecture, content=model.content, n_embd=n_embd)
    return backbone, HeadLayout(prompt=prompt, separator=model.entry.separator)
