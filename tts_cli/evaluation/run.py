"""One run of `tts eval`: what is missing is sampled, everything is graded from the store, and shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tts_cli import solver as setup
from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.signals import Interruption
from tts_cli.errors import ModelError, TtsError, UsageError
from tts_cli.evaluation.request import EvalFlags, needed_models, origin, resolve
from tts_cli.protocols import facts_of

if TYPE_CHECKING:
    from tts_cli.cli.view.progress import Progress
    from tts_cli.data.record import Problem
    from tts_cli.data.rows import Row
    from tts_cli.evaluation.conditions import Condition, SearchJob
    from tts_cli.evaluation.store import Store
    from tts_cli.evaluation.summary import EvalFacts, Summary, Timing
    from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
    from tts_cli.protocols import ModelFacts
    from tts_cli.strategy.profile import Profile

STOPPING = "Stopping; Ctrl-C again ends at once."


def open_store(out: Path | None, *, new: bool) -> Store:
    """The samples under `--out`, or a store that does not last. Raises TtsError, UsageError where nothing is there."""
    from tts_cli.evaluation.report import SAMPLES
    from tts_cli.evaluation.store import Store

    if not new and (out is None or not (out / SAMPLES).exists()):
        raise UsageError(
            f"No data set was given, and {out or '--out'} holds no evaluation to go on with.",
            "Example: tts eval nano --limit 20",
        )
    if out is None:
        return Store(None)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TtsError(
            f"The directory {out} cannot be made: {(error.strerror or str(error)).lower()}.", "Name another --out."
        ) from error
    return Store(out / SAMPLES)


class EvalRun:
    """One evaluation: `rows`, then `collect` what is missing, then `measure` and `show`."""

    def __init__(self, asked: EvalFlags, store: Store, channels: Channels, out: Path | None) -> None:
        """Raises UsageError for what cannot be asked."""
        from tts_cli.evaluation.config import keep, stored_question

        self.store, self.channels, self.out = store, channels, out
        self.question, self.chosen = resolve(asked, stored_question(store))
        self.entries = needed_models(self.question, self.chosen)
        solving = setup.effective(self.chosen, self.entries)
        self.solving = solving.model_copy(update={"max_time": None, "max_flops": None, "verify": False})
        keep(store, self.question, origin(setup.models_of(self.chosen), self.chosen, self.solving))
        self.interruption = Interruption(lambda: channels.note(STOPPING))
        self.models: tuple[ModelFacts, ModelFacts | None] | None = None
        self.conditions: list[Condition] = []

    def rows(self, consent: Callable[[str], bool]) -> list[Row]:
        """The problems that were asked for. Raises TtsError where none of them can be graded."""
        from tts_cli.data.datasets import open_dataset
        from tts_cli.evaluation.config import select_rows
        from tts_cli.evaluation.grading import ungradable
        from tts_cli.evaluation.report import nothing_to_grade

        with open_dataset(self.question.dataset, consent) as rows:
            found = select_rows(rows, self.question)
        if all(ungradable(row) for row in found):
            raise nothing_to_grade(found)
        return found

    def collect(self, rows: Sequence[Row]) -> bool:
        """Sample what is not stored, loading the models for it; False where a signal came between."""
        from tts_cli.evaluation.collect import Item, missing
        from tts_cli.evaluation.conditions import fewest, job_of
        from tts_cli.evaluation.grading import problem_of, ungradable

        with ExitStack() as stack:
            stack.enter_context(self.interruption)
            loaded = self._know_models(stack)
            jobs = fewest(job_of(condition.plan) for condition in self.conditions)
            problems = [problem_of(row) for row in rows if ungradable(row) is None]
            self.store.forget_failures()
            todo = missing([Item(problem, job) for problem in problems for job in jobs], self.store)
            if todo:
                self._sample(problems, jobs, len(todo), loaded or self._load(stack), stack)
            return not self.interruption.requested

    def _know_models(self, stack: ExitStack) -> tuple[LlamaPolicy, LlamaPRM | None] | None:
        """Plan with what the store knows of the models; where that is not enough load them, and return them."""
        from tts_cli.evaluation.config import stored_models

        wants_prm = self.entries.prm is not None
        loaded = None if stored_models(self.store, wants_prm) else self._load(stack)
        self.models = stored_models(self.store, wants_prm)
        assert self.models is not None
        policy, prm = self.models
        profile, remark = self._profile(policy, prm)
        self.conditions = self.plan_conditions(policy, prm, profile, remark)
        return loaded

    def plan_conditions(
        self, policy: ModelFacts, prm: ModelFacts | None, profile: Profile | None, remark: str | None
    ) -> list[Condition]:
        """What is to be measured."""
        from tts_cli.evaluation.conditions import plan_conditions

        return plan_conditions(self.question.methods, self.question.budgets, self.solving, policy, prm, profile, remark)

    def _profile(self, policy: ModelFacts, prm: ModelFacts | None) -> tuple[Profile | None, str | None]:
        """The one for these models. What was sampled by none can be counted where the model files are gone."""
        methods = self.question.methods
        if not set(methods) & set(setup.BY_PROFILE):
            return None, None
        try:
            return setup.find_profile(self.chosen, self.entries, policy.parameters, prm.parameters if prm else 0)
        except ModelError:
            if "auto" in methods:
                raise
            return None, None

    def _load(self, stack: ExitStack) -> tuple[LlamaPolicy, LlamaPRM | None]:
        from tts_cli.evaluation.config import keep_models

        self.channels.introduce(self.entries.policy)
        policy, prm = setup.load_models(self.chosen, self.entries, stack)
        keep_models(self.store, facts_of(policy), facts_of(prm) if prm else None)
        return policy, prm

    def _sample(
        self,
        problems: Sequence[Problem],
        jobs: Sequence[SearchJob],
        count: int,
        models: tuple[LlamaPolicy, LlamaPRM | None],
        stack: ExitStack,
    ) -> None:
        from tts_cli.answers import Judge
        from tts_cli.evaluation.collect import Collector

        progress = self._progress(stack, count, len(problems) * len(jobs))
        collector = Collector(
            self.solving,
            *models,
            self.store,
            stack.enter_context(Judge()),
            should_stop=lambda: self.interruption.requested,
            on_decode=progress.decoded if progress else lambda tokens: None,
            on_ended=progress.ended if progress else lambda job: None,
        )
        self.interruption.arm()
        collector.collect(problems, jobs)

    def stopped(self, again: str = "tts eval") -> int:
        """What to do next, and the exit code of the signal."""
        where = f" What is finished is kept; go on with: {again} --out {self.out}" if self.out else ""
        self.channels.note(f"Stopped.{where}")
        return self.interruption.exit_code or 1

    def measure(self, rows: Sequence[Row]) -> tuple[Summary, Timing]:
        """Grade all problems from the store, and write the files under `--out`."""
        from tts_cli.answers import Judge
        from tts_cli.evaluation import report
        from tts_cli.evaluation.collect import SamplingCost
        from tts_cli.evaluation.grading import Grader
        from tts_cli.evaluation.summary import summarize

        assert self.models is not None
        spent = SamplingCost(**(self.store.about("spent") or {}))
        with Interruption(_nothing), Judge() as judge:  # every file is whole or not there: a signal ends it at once
            grader = Grader(self.conditions, self.solving, *self.models, self.store, judge, report.rates(spent))
            graded, records = report.grade_all(rows, grader)
        facts = self._facts(len(rows) - len(graded))
        summary = summarize(graded, self.conditions, facts, with_prm_quality=self.question.prm_quality)
        timing = report.timing(summary, spent)
        if self.out is not None:
            report.write(self.out, records, summary, timing)
        return summary, timing

    def _facts(self, ungraded: int) -> EvalFacts:
        from tts_cli.evaluation.summary import EvalFacts

        assert self.models is not None
        solving = self.solving
        how = {
            name: getattr(solving, name) for name in ("aggregate", "select", "beam_width", "max_tokens", "max_steps")
        }
        return EvalFacts(
            dataset=Path(self.question.dataset).name,
            seed=solving.seed,
            policy=self.models[0],
            prm=self.models[1],
            settings=how | asdict(solving.sampling) | {"min_confidence": solving.min_confidence},
            ungraded=ungraded,
        )

    def show(self, summary: Summary, timing: Timing, plot: Path | None) -> None:
        """Tables and curves on a terminal, tables as text in a pipe, or one JSON document; the picture in a file."""
        from tts_cli.cli.view import tables
        from tts_cli.cli.view.results import result_tables

        if plot is not None:
            from tts_cli.cli.view import figure

            figure.save(plot, summary)
        if self.channels.json:
            from tts_cli.evaluation.report import to_json

            emit_json(json.dumps({**to_json(summary), "timing": to_json(timing)}))
        elif self.channels.rich_out:
            from rich.console import Group

            from tts_cli.cli.view.curves import picture

            width = self.channels.console().width
            drawn = [tables.drawn(table) for table in result_tables(summary, timing)]
            self.channels.draw(Group(*drawn[:1], picture(summary, width), *drawn[1:]))
        else:
            emit(tables.plain(result_tables(summary, timing)))
        kept = ", ".join(str(path) for path in (self.out, plot) if path)
        self.channels.note(f"Written to {kept}." if kept else "Give --out DIR to keep the samples and the records.")

    def _progress(self, stack: ExitStack, todo: int, total: int) -> _Progress | None:
        if not self.channels.live:
            return None
        from tts_cli.cli.view.progress import Progress

        line = Progress(self.channels.console(stderr=True), {}, total=total, done=total - todo)
        return _Progress(stack.enter_context(line))


def _nothing() -> None:
    """Nothing to save: the samples are stored."""


class _Progress:
    """The line on stderr, fed by the collector."""

    def __init__(self, line: Progress) -> None:
        self._line = line

    def decoded(self, tokens: int) -> None:
        self._line.spend(tokens)
        self._line.tick()

    def ended(self, job: SearchJob) -> None:
        self._line.finish()
