"""From labelled problems to the profile that `auto` goes by. `tts calibrate` is its command line.

    calibration ── labelled_rows ── sample ── make_profile

A calibration is an evaluation of other conditions: what is sampled is said in observations.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from tts_cli.answers.judge import Judge
from tts_cli.config import Settings
from tts_cli.data.rows import Row
from tts_cli.errors import UsageError
from tts_cli.evaluation.calibration_figures import figures
from tts_cli.evaluation.conditions import Condition
from tts_cli.evaluation.config import resolve, stored_config
from tts_cli.evaluation.grading import ungradable
from tts_cli.evaluation.mixture_fit import choose_mixture
from tts_cli.evaluation.observations import Observer, plans, sampler, variants
from tts_cli.evaluation.profile_fit import CalibrationFacts, assign_folds, profile_of, worth_most
from tts_cli.evaluation.run import EvalRun
from tts_cli.evaluation.store import Store
from tts_cli.loading import effective, model_file, models_of
from tts_cli.models.load import ModelPair
from tts_cli.paths import profiles_dir
from tts_cli.strategy.profile import Data, Profile

LEAST = 40
"""Problems: ten folds of four."""


def check(settings: Settings) -> None:
    """Before a model is loaded: is there anything to calibrate? Raises UsageError."""
    if effective(settings, models_of(settings)).sampling.temperature == 0:
        raise UsageError(
            "At temperature 0 all samples are equal, so there is nothing to calibrate.",
            "Give a --temperature above 0.",
        )


def default_file(models: ModelPair, suffix: str) -> Path:
    """Where the profile of two models (".yaml"), or its samples (".samples"), is kept by default."""
    names = [models.policy.name, models.prm.name if models.prm else "none"]
    return profiles_dir() / f"{'+'.join(Path(name).name for name in names)}{suffix}"  # a name may be a path


def calibration(
    store: Store,
    flags: Mapping[str, Any],
    *,
    dataset: str | None = None,
    limit: int | None = None,
    shuffle: bool | None = None,
) -> EvalRun:
    """The evaluation whose samples a profile is made from. Without a data set the stored one goes on.

    Raises as `config.resolve` and `EvalRun` do.
    """
    before = stored_config(store) if dataset is None else None
    how: dict[str, Any] = {"dataset": dataset, "limit": limit, "shuffle": shuffle}
    asked = resolve(before, flags, methods=("majority",), budgets=(1,), **how)
    has_prm = models_of(asked.settings).prm is not None
    # A method that asks the PRM, so that it is loaded; `plan` says what is sampled.
    asked = asked.model_copy(update={"methods": (sampler(has_prm=has_prm),)})
    return EvalRun(
        asked,
        store,
        plan=lambda run: [Condition(one.method, one) for one in plans(run.settings.beam_width, has_prm=has_prm)],
    )


def labelled_rows(evaluation: EvalRun, consent: Callable[[str], bool] = lambda question: False) -> list[Row]:
    """The rows that have an answer, each problem once. Raises UsageError where they are too few."""
    rows = [row for row in evaluation.rows(consent) if ungradable(row) is None]
    distinct = list({row.problem: row for row in reversed(rows)}.values())[::-1]
    _check_number(len(distinct))
    return distinct


def make_profile(evaluation: EvalRun, rows: Sequence[Row]) -> Profile:
    """The profile of the problems in `rows`, all of which have been sampled.

    Raises UsageError where the searches of too many problems ended with an error, and where no sample was right.
    """
    models, (policy, prm) = evaluation.models, evaluation.facts
    kinds = variants(has_prm=prm is not None)
    with Judge() as judge:
        observer = Observer(evaluation.settings, policy, prm, evaluation.store, judge)
        rows = [row for row in rows if observer.complete(row)]
        _check_number(len(rows))
        settings = evaluation.settings
        folds = assign_folds(len(rows), settings.seed)
        voters = [observer.voters(row) for row in rows]
        learned = choose_mixture(voters, folds, settings.seed, settings.aggregation)
        observed = [observer.observe(row, own) for row, own in zip(rows, learned.own, strict=True)]
    if not any(found[kinds[0]].solved for found in observed):
        raise UsageError(
            "No sample of any problem states its reference, so there is nothing to calibrate.",
            f"Are they answers? The first is {str(rows[0].reference)[:60]!r}. If so, take easier problems.",
        )
    facts = CalibrationFacts(
        policy=model_file(models.policy, policy.parameters),
        prm=model_file(models.prm, prm.parameters) if models.prm and prm else None,
        data=Data(
            name=Path(evaluation.asked.dataset).name,
            problems=len(observed),
            content=content_of(rows),
        ),
        settings=settings,
        mixture=learned.mixture,
    )
    problems = {variant: [found[variant] for found in observed] for variant in kinds}
    best = worth_most(problems, facts)
    facts = replace(facts, variant=best)
    return profile_of(problems[best], facts, figures(problems[best], facts) | {"judges": learned.figures})


def content_of(rows: Iterable[Row]) -> str:
    """A hash of problems and references."""
    text = "\n".join(f"{row.problem}\t{row.reference}" for row in rows)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _check_number(problems: int) -> None:
    """Raises UsageError."""
    if problems < LEAST:
        what = f"{problems} problems with an answer are too few to calibrate on; {LEAST} is the least"
        raise UsageError(f"{what}.", "A few hundred are enough.")
