"""`EvalRun`: labelled problems, the samples of a store, and what is asked of them. `tts eval` is its command line.

    rows ── sample what is missing (live models) ── store ── grade (no model) ── Summary, records, timing

Prints nothing and installs no signal handler: progress is reported to callbacks, and one of them may stop it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tts_cli.answers.judge import Judge
from tts_cli.data.datasets import open_dataset
from tts_cli.data.rows import Row
from tts_cli.errors import ModelError, TtsError
from tts_cli.evaluation import report
from tts_cli.evaluation.collect import Collector, Item, missing
from tts_cli.evaluation.conditions import Condition, SearchJob, fewest, job_of, plan_conditions
from tts_cli.evaluation.config import (
    EvalConfig,
    default_methods,
    keep,
    keep_models,
    needed_models,
    origin,
    select_rows,
    stored_models,
)
from tts_cli.evaluation.grading import EvalRecord, Graded, Grader, problem_of, ungradable
from tts_cli.evaluation.store import Store
from tts_cli.evaluation.summary import EvalFacts, Summary, summarize
from tts_cli.loading import BY_PROFILE, effective, find_profile, load_models, models_of
from tts_cli.models.registry import ModelEntry
from tts_cli.protocols import ModelFacts, facts_of

if TYPE_CHECKING:
    from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM


class EvalRun:
    """What `asked` measures with the samples of `store`: `sample` what is missing, then `measure`.

    `plan`: what is measured where it is not every method at every budget. Raises UsageError where a method needs a PRM
    and there is none, or where the samples in the store have another origin.

    >>> asked = EvalConfig(dataset="nano", methods=("greedy", "majority"), budgets=(2,), limit=2)
    >>> with Store(None) as store:
    ...     evaluation = EvalRun(asked, store)
    ...     rows = evaluation.rows()
    ...     done = evaluation.sample(rows)
    ...     summary, timing = evaluation.measure(rows)
    >>> [(result.method, result.overall.problems) for result in summary.results]
    [('greedy', 2), ('majority', 2)]
    """

    def __init__(
        self, asked: EvalConfig, store: Store, *, plan: Callable[[EvalRun], list[Condition]] | None = None
    ) -> None:
        found = models_of(asked.settings)
        if not asked.methods:
            asked = asked.model_copy(update={"methods": default_methods(has_prm=found.prm is not None)})
        self.asked, self.store = asked, store
        self._plan = plan or planned
        self.models = needed_models(asked, found)
        self.settings = effective(asked.settings, self.models).model_copy(
            update={"max_time": None, "max_flops": None, "verify": False}
        )
        keep(store, asked, origin(found, self.settings))

    def rows(self, consent: Callable[[str], bool] = lambda question: False) -> list[Row]:
        """The problems that are asked for; `consent` is asked before a data set is fetched.

        Raises TtsError where none of them can be graded.
        """
        with open_dataset(self.asked.dataset, consent) as rows:
            found = select_rows(rows, self.asked)
        errors = [ungradable(row) for row in found]
        if all(errors):
            why = f" ({errors[0].message})" if errors and errors[0] else ""
            raise TtsError(
                f"The data set has no problem with an answer to compare with{why}.",
                'Each row needs "problem" and "answer".',
            )
        return found

    @property
    def facts(self) -> tuple[ModelFacts, ModelFacts | None]:
        """Names and sizes of policy and PRM, known once they have been loaded for this store. Raises TtsError."""
        found = stored_models(self.store, with_prm=self.models.prm is not None)
        if found is None:
            raise TtsError("What was sampled here needs models that were never loaded for it.", "Sample it first.")
        return found

    @cached_property
    def conditions(self) -> list[Condition]:
        """What is measured. Raises UsageError and ModelError where `auto` needs a profile's models."""
        return self._plan(self)

    def sample(
        self,
        rows: Sequence[Row],
        *,
        on_load: Callable[[ModelEntry], None] = lambda policy: None,
        on_note: Callable[[str], None] = lambda note: None,
        on_start: Callable[[int, int], None] = lambda searches, total: None,
        on_decode: Callable[[int], None] = lambda tokens: None,
        on_ended: Callable[[SearchJob], None] = lambda job: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Run the searches that are not stored, loading the models for them; False where `should_stop` ended it.

        `on_load` is called before the models are loaded, `on_note` where memory is short for them, `on_start` with
        the number of searches to run and of all, `on_decode` with the tokens of each decode, `on_ended` after each
        search. Raises ModelError for a model that
        cannot be loaded, TtsError where the store cannot be written.
        """
        with ExitStack() as stack:
            known = stored_models(self.store, with_prm=self.models.prm is not None)
            loaded = None if known else self._load(stack, on_load, on_note)
            jobs = fewest(job_of(condition.plan) for condition in self.conditions)
            problems = [problem_of(row) for row in rows if ungradable(row) is None]
            self.store.forget_failures()
            todo = missing([Item(problem, job) for problem in problems for job in jobs], self.store)
            if todo:
                policy, prm = loaded or self._load(stack, on_load, on_note)
                collector = Collector(
                    *(self.settings, policy, prm, self.store, stack.enter_context(Judge())),
                    should_stop=should_stop,
                    on_decode=on_decode,
                    on_ended=on_ended,
                )
                on_start(len(todo), len(problems) * len(jobs))
                collector.collect(problems, jobs)
        return not should_stop()

    def _load(
        self, stack: ExitStack, on_load: Callable[[ModelEntry], None], on_note: Callable[[str], None]
    ) -> tuple[LlamaPolicy, LlamaPRM | None]:
        on_load(self.models.policy)
        policy, prm = load_models(self.asked.settings, self.models, stack, on_note=on_note)
        keep_models(self.store, facts_of(policy), facts_of(prm) if prm else None)
        return policy, prm

    def measure(self, rows: Sequence[Row], out: Path | None = None) -> tuple[Summary, report.Timing]:
        """Grade all problems from the store, and write the files under `out`. Raises TtsError where samples are
        missing or a file cannot be written."""
        spent, graded, records = self.store.spent, list[Graded](), list[EvalRecord]()
        with Judge() as judge:
            grader = Grader(self.conditions, self.settings, *self.facts, self.store, judge, spent)
            for row in rows:
                one, its_records = grader.grade(row)
                graded += [one] if one is not None else []
                records += its_records
        facts = self._eval_facts(ungraded=len(rows) - len(graded))
        summary = summarize(graded, self.conditions, facts, with_prm_quality=self.asked.prm_quality)
        timing = report.timing(summary, spent)
        if out is not None:
            report.write(out, records, summary, timing)
        return summary, timing

    def _eval_facts(self, ungraded: int) -> EvalFacts:
        policy, prm = self.facts
        settings = self.settings
        names = ("select", "beam_width", "max_tokens", "max_steps", "calculator")
        how = {"aggregate": settings.aggregation} | {name: getattr(settings, name) for name in names}
        how |= {**asdict(settings.sampling), "min_confidence": settings.min_confidence}
        return EvalFacts(Path(self.asked.dataset).name, settings.seed, policy, prm, how, ungraded)


def planned(evaluation: EvalRun) -> list[Condition]:
    """Every method at every budget, `auto` by the profile for these models."""
    asked, (policy, prm) = evaluation.asked, evaluation.facts
    profile = unfit = None
    if set(asked.methods) & set(BY_PROFILE):
        sizes = policy.parameters, prm.parameters if prm else None
        try:
            profile, unfit = find_profile(asked.settings, evaluation.models, *sizes)
        except ModelError:  # what was sampled without a profile can be counted where the model files are gone
            if "auto" in asked.methods:
                raise
    return plan_conditions(asked.methods, asked.budgets, evaluation.settings, policy, prm, profile, unfit)
