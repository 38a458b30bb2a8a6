"""What the stores of `tts calibrate` and `tts eval` tell of each problem, replayed without a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.strategy.votes import Outcome, Samples, majority, read_samples
from tts_cli.answers import Judge
from tts_cli.cli import setup
from tts_cli.cli.settings import Settings
from tts_cli.data.datasets import open_dataset
from tts_cli.data.rows import Row
from tts_cli.errors import TtsError
from tts_cli.evaluation import calibrate
from tts_cli.evaluation.calibrate import Observation, Observer
from tts_cli.evaluation.grade import Tapes, problem_of, ungradable
from tts_cli.evaluation.question import select_rows, stored_models, stored_question
from tts_cli.evaluation.replay import replay
from tts_cli.evaluation.report import SAMPLES
from tts_cli.evaluation.store import Store, problem_key
from tts_cli.strategy.attempt import Attempt
from tts_cli.strategy.plan import Plan


@dataclass(frozen=True, slots=True)
class Case:
    """One problem: what `auto` would have seen of it, and what comes of it in every fixed way, by "METHOD N"."""

    row: Row
    observation: Observation
    fixed: dict[str, Outcome]
    samples: Samples


def labelled(folder: Path) -> list[tuple[Row, Observation]]:
    """What a profile was made from. Raises TtsError where samples are missing."""
    with _opened(folder) as (observer, rows):
        observed = [(row, observer.observe(row)) for row in rows]
        return [(row, observation) for row, observation in observed if observation is not None]


def cases(folder: Path) -> list[Case]:
    """The problems of an evaluation. Raises TtsError where samples are missing."""
    with _opened(folder) as (observer, rows):
        return [case for row in rows if (case := _case(observer, row)) is not None]


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[Observer, list[Row]]]:
    """The observer of a store, and those of its rows that have an answer."""
    with Store(folder / SAMPLES) as store, Judge() as judge:
        question, models = stored_question(store), stored_models(store, with_prm=True)
        if question is None or models is None or models[1] is None:
            raise TtsError(f"{folder} holds no samples that a PRM scored.", "Run the benchmark first.")
        chosen = Settings(**question.flags)
        settings = setup.solve_settings(chosen, setup.entries(chosen))
        with open_dataset(question.dataset, lambda text: False) as rows:
            found = [row for row in select_rows(rows, question) if ungradable(row) is None]
        yield Observer(settings, models[0], models[1], store, judge), found


def _case(observer: Observer, row: Row) -> Case | None:
    """None where a search ended with an error."""
    observation = observer.observe(row)
    if observation is None:
        return None
    most = calibrate.STAGES[-1]
    tapes = Tapes(observer.store, problem_key(row.problem))
    tape = tapes.covering(Plan("majority", most, 1, ""))
    drawn = _replay(observer, row, tapes, Plan("majority", most, 1, ""))
    samples = read_samples(row, tape, drawn.search, most, observer.policy.parameters, observer.judge)
    budgets = [n for n in (1, 2, *calibrate.STAGES) if n <= most]
    fixed = {f"majority {n}": majority(samples, n) for n in dict.fromkeys(budgets)}
    for plan in _plans(observer.settings.beam_width, budgets):
        fixed[f"{plan.method} {plan.budget}"] = _outcome(observer, row, _replay(observer, row, tapes, plan))
    return Case(row, observation, fixed, samples)


def _plans(beam_width: int, budgets: list[int]) -> list[Plan]:
    """A smaller dvts is the first trees of a larger one, where they are whole; a smaller beam is another search."""
    plans = [Plan("greedy", 1, 1, ""), *(Plan("best-of-n", n, 1, "") for n in dict.fromkeys(budgets))]
    for method, budget in calibrate.SEARCHES:
        whole = [n for n in budgets if n < budget and n % beam_width == 0] if method == "dvts" else []
        plans += [Plan(method, n, beam_width, "") for n in dict.fromkeys([*whole, budget])]
    return plans


def _replay(observer: Observer, row: Row, tapes: Tapes, plan: Plan) -> Attempt:
    prm = observer.prm if plan.guided else None
    attempt, _ = replay(
        problem_of(row), plan, observer.settings, observer.policy, prm, tapes.covering(plan), observer.judge
    )
    return attempt


def _outcome(observer: Observer, row: Row, attempt: Attempt) -> Outcome:
    record, _ = attempt.record(None, stopped=False)
    answer, reference = record.answer, row.reference
    right = answer is not None and reference is not None and observer.judge.equal(answer, reference)
    return Outcome(right, record.cost.flops)
