"""What the stores of `tts calibrate` and `tts eval` hold of each problem, simulated without a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.strategy.plan import BUDGETS, fixed, samples, up_to_samples
from benchmarks.strategy.votes import Outcome, Samples, majority, read_samples
from tts_cli.answers.judge import Judge
from tts_cli.data.datasets import open_dataset
from tts_cli.data.fingerprint import of_problem
from tts_cli.data.rows import Row
from tts_cli.errors import TtsError
from tts_cli.evaluation.config import select_rows, stored_config, stored_models
from tts_cli.evaluation.grading import CHOICES, Choice, is_right, problem_of, ungradable
from tts_cli.evaluation.observations import CalibrationProblem, Observer, Variant
from tts_cli.evaluation.recordings import Recordings, simulate
from tts_cli.evaluation.store import SAMPLES, Store
from tts_cli.loading import effective, models_of
from tts_cli.solving.selection import decide
from tts_cli.solving.session import Session
from tts_cli.strategy.mixture import Mixture
from tts_cli.strategy.plan import Plan


@dataclass(frozen=True, slots=True)
class Case:
    """One problem: what every variant of `auto` would have seen of it, and what comes of it in every fixed way, by
    "METHOD N". `voted`: right or wrong under each other vote of the same scored solutions."""

    row: Row
    observed: dict[Variant, CalibrationProblem]
    fixed: dict[str, Outcome]
    voted: dict[str, dict[Choice, bool]]
    samples: Samples


def labelled(folder: Path, mixture: Mixture | None) -> list[tuple[Row, dict[Variant, CalibrationProblem]]]:
    """What a profile with this mixture was made from. Raises TtsError where samples are missing."""
    with _opened(folder) as (observer, rows):
        return [(row, observer.observe(row, mixture)) for row in rows if observer.complete(row)]


def cases(folder: Path, mixture: Mixture | None) -> list[Case]:
    """The problems of an evaluation. Raises TtsError where samples are missing."""
    with _opened(folder) as (observer, rows):
        return [_case(observer, row, mixture) for row in rows if observer.complete(row)]


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[Observer, list[Row]]]:
    """The observer of a store, and those of its rows that have an answer."""
    with Store(folder / SAMPLES) as store, Judge() as judge:
        asked, models = stored_config(store), stored_models(store, with_prm=True)
        if asked is None or models is None or models[1] is None:
            raise TtsError(f"{folder} holds no samples that a PRM scored.", "Run the benchmark first.")
        settings = effective(asked.settings, models_of(asked.settings))
        settings = settings.model_copy(update={"verify": False})  # as they were sampled
        with open_dataset(asked.dataset, lambda text: False) as rows:
            found = [row for row in select_rows(rows, asked) if ungradable(row) is None]
        yield Observer(settings, models[0], models[1], store, judge), found


def _case(observer: Observer, row: Row, mixture: Mixture | None) -> Case:
    observed = observer.observe(row, mixture)
    recordings = Recordings(observer.store, of_problem(row.problem))
    drawn = _samples(observer, row, recordings)
    outcomes = {f"majority {n}": majority(drawn, n) for n in up_to_samples(BUDGETS)}
    voted: dict[str, dict[Choice, bool]] = {}
    for plan in fixed(observer.settings.beam_width):
        name, session = f"{plan.method} {plan.budget}", _simulate(observer, row, recordings, plan)
        outcomes[name] = _outcome(observer, row, session)
        if plan.fixed is not None and plan.guided:
            voted[name] = _voted(observer, row, session)
    return Case(row, observed, outcomes, voted, drawn)


def _samples(observer: Observer, row: Row, recordings: Recordings) -> Samples:
    """All of them in their order."""
    plan = Plan("majority", samples(), 1)
    search = _simulate(observer, row, recordings, plan).search
    return read_samples(row, recordings.covering(plan), search, samples(), observer.policy.parameters, observer.judge)


def _simulate(observer: Observer, row: Row, recordings: Recordings, plan: Plan) -> Session:
    prm = observer.prm if plan.guided else None
    session, _ = simulate(
        problem_of(row), plan, observer.settings, observer.policy, prm, recordings.covering(plan), observer.judge
    )
    return session


def _outcome(observer: Observer, row: Row, session: Session) -> Outcome:
    record, _ = session.record(None, stopped=False)
    return Outcome(is_right(record.answer, row, observer.judge), record.cost.flops)


def _voted(observer: Observer, row: Row, session: Session) -> dict[Choice, bool]:
    votes = {choice: decide(session.search, *choice, observer.judge) for choice in CHOICES}
    return {choice: is_right(selection.answer, row, observer.judge) for choice, selection in votes.items()}
