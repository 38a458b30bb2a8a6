"""`Solver`: models loaded once, problems solved with them. What the command line, batch, eval and callers go through.

    settings ── models (registry) ── profile ── plan ── search ── Record

Here names become loaded models and settings become what the strategy wants to know. How one problem is searched is
decided in `solving`; this module prints nothing, reads no environment variable and installs no signal handler.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tts_cli.answers.vote import Aggregate, Select
from tts_cli.config import Settings
from tts_cli.data.record import Problem, Record
from tts_cli.errors import TtsError, UsageError
from tts_cli.models.load import ModelPair, load_policy, load_prm, resolve_pair
from tts_cli.paths import PACKAGED, profiles_dir
from tts_cli.protocols import facts_of
from tts_cli.search.driver import PRM_PATIENCE
from tts_cli.search.events import Event
from tts_cli.search.methods import METHODS
from tts_cli.solving.ordering import InOrder
from tts_cli.solving.solve import Solved, how_many, new_judge, solve, solve_many
from tts_cli.strategy.plan import Plan, make_plan

if TYPE_CHECKING:
    from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
    from tts_cli.models.registry import ModelEntry
    from tts_cli.protocols import Policy, RewardModel
    from tts_cli.strategy.profile import ModelFile, Profile

SEQUENCES = 64
"""Of each model: what is decoded together at most."""

BY_PROFILE = ("auto", "best-of-n")
"""Methods that a profile matters to: it decides what `auto` does, and how sure best-of-n is."""


class Solver:
    """Solves problems with one policy and, where the method asks one, one PRM. Use it in `with`, or call `close`.

    `settings`, or single settings by name: `Solver(policy="model.gguf", method="beam", budget=16)`. `policy` and `prm`
    may also be back ends of your own (`tts_cli.protocols`); those are not closed here. Nothing is read from the
    environment or from configuration files: `tts_cli.config.resolve` does that for the command line.

    One call at a time: a second thread, or a call while an iterator of `solve_many` is open, gets a TtsError; use one
    Solver per thread. `cancel` may be called from anywhere.

    Raises UsageError for settings that cannot be used, ModelError for a model that is missing or unfit.

    >>> with Solver(policy="nano", method="greedy") as solver:
    ...     solver.solve("Compute 3 + 4.").answer
    '7'
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        policy: str | Policy | None = None,
        prm: str | RewardModel | None = None,
        models: ModelPair | None = None,
        sequences: int = SEQUENCES,
        **fields: Any,
    ) -> None:
        """`models`: those that the settings mean, where they are resolved already. `sequences`: decoded together."""
        names = {role: name for role, name in (("policy", policy), ("prm", prm)) if isinstance(name, str)}
        if settings is not None and fields | names:
            raise UsageError("Settings were given twice.", "Give either `settings` or single ones by name.")
        self.settings = settings or Settings(**fields, **names)
        self._stack, self._lock, self._cancelled = ExitStack(), threading.Lock(), threading.Event()
        self._closed = False
        self._judge = self._stack.enter_context(new_judge(verify=self.settings.verify))
        try:
            if policy is None or isinstance(policy, str):
                self._load(models, prm, sequences)
            else:
                self._take(policy, prm)
            self.plan: Plan = make_plan(
                self._effective, facts_of(self.policy), facts_of(self.prm) if self.prm else None, *self._profile()
            )
        except BaseException:
            self._stack.close()
            raise

    def _load(self, models: ModelPair | None, prm: str | RewardModel | None, sequences: int) -> None:
        self.models: ModelPair | None = models or models_of(self.settings, with_prm=prm is None or isinstance(prm, str))
        self._effective = effective(self.settings, self.models)
        policy, own = load_models(self.settings, self.models, self._stack, sequences)
        self.policy: Policy = policy
        self.prm: RewardModel | None = own
        if prm is not None and not isinstance(prm, str):
            self.prm = prm

    def _take(self, policy: Policy, prm: str | RewardModel | None) -> None:
        if isinstance(prm, str) and prm != "none":
            raise UsageError("A PRM by name goes with a policy by name.", "Load it with tts_cli.models.load_prm.")
        self.models, self._effective = None, self.settings
        self.policy, self.prm = policy, None if isinstance(prm, str) else prm

    def _profile(self) -> tuple[Profile | None, str | None]:
        """What the strategy may go by; only models of the registry's making have one."""
        if self.models is None or self.models.prm is None or self.settings.method not in BY_PROFILE:
            return None, None
        prm = self.prm.parameters if self.prm else 0
        return find_profile(self.settings, self.models, self.policy.parameters, prm)

    def solve(self, problem: str | Problem, *, on_event: Callable[[Event], None] = lambda event: None) -> Record:
        """Solve one problem. Raises TtsError where it cannot even be begun (it is empty, or too long).

        >>> with Solver(method="majority", budget=4, seed=1) as solver:
        ...     record = solver.solve("Compute 3 + 4.")
        >>> record.method, record.budget, record.answer
        ('majority', 4, '7')
        """
        return self.search(problem, on_event=on_event).record

    def search(
        self,
        problem: str | Problem,
        *,
        on_event: Callable[[Event], None] = lambda event: None,
        on_decode: Callable[[], None] = lambda: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Solved:
        """Like `solve`, with all that happened: every event, the steps and scores of the chosen solution.

        `on_decode` is called after each decode, for displays; `should_stop` is asked before each, and ends the search
        with the best answer so far, as `cancel` does.
        """
        asked = problem if isinstance(problem, Problem) else Problem("1", problem)
        with self._claimed():
            return solve(
                asked,
                self._effective,
                self.policy,
                self.prm,
                plan=self.plan,
                listener=on_event,
                should_stop=lambda: self._cancelled.is_set() or should_stop(),
                on_advance=on_decode,
                judge=self._judge,
            )

    def solve_many(
        self,
        problems: Iterable[str | Problem | None],
        *,
        ordered: bool = True,
        in_flight: int | None = None,
        on_event: Callable[[str, Event], None] = lambda id, event: None,
        on_decode: Callable[[], None] = lambda: None,
        should_stop: Callable[[], bool] = lambda: False,
        prm_patience: int = PRM_PATIENCE,
    ) -> Generator[Record, None, None]:
        """Yield a record for each problem, in their order or, with `ordered=False`, as they are solved.

        Reads `problems` lazily and keeps `in_flight` of them (by default as many as the models hold) under way at once.
        A text gets its 1-based place as its id. None means "none for now": those under way go on, and it is asked again
        after the next decode. An error in one problem gives a record with that error. After `cancel` what is finished
        is yielded, and what is under way is dropped. `on_event` gets the problem's id and the event. `prm_patience`: decodes
        for which the PRM lets a busy policy go first; many where nobody watches.

        >>> with Solver(method="greedy") as solver:
        ...     [(record.id, record.answer) for record in solver.solve_many(["Compute 3 + 4.", "Compute 2 + 3."])]
        [('1', '7'), ('2', '5')]
        """
        at_once = in_flight or self.capacity
        order = InOrder.over(at_once, ordered=ordered)
        with self._claimed():
            solutions = solve_many(
                order.admit(_numbered(problems)),
                self._effective,
                self.policy,
                self.prm,
                plan=self.plan,
                listener=on_event,
                should_stop=lambda: self._cancelled.is_set() or should_stop(),
                on_advance=on_decode,
                judge=self._judge,
                max_in_flight=at_once,
                prm_patience=prm_patience,
            )
            with closing(solutions):
                for solved in solutions:
                    if not solved.stopped:
                        yield from order.put(solved.record)
                yield from order.rest()

    @property
    def vote(self) -> tuple[Aggregate, Select]:
        """How solutions vote: as was calibrated, else as the settings say."""
        return (self.plan.rule and self.plan.rule.vote) or (self._effective.aggregate, self._effective.select)

    @property
    def capacity(self) -> int:
        """How many problems to have under way at once: what the policy's KV pool holds."""
        engine = getattr(self.policy, "engine", None)
        return how_many(self.plan.usual, engine.n_ctx) if engine is not None else 16

    def cancel(self) -> None:
        """End what is under way soon, from any thread: `solve` returns the best answer so far."""
        self._cancelled.set()

    def close(self) -> None:
        """Free the models; safe to call twice. What is under way is cancelled first."""
        self.cancel()
        with self._lock:
            self._closed = True
            self._stack.close()

    def __enter__(self) -> Solver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _claimed(self) -> Iterator[None]:
        """Nobody else at the same time. Raises TtsError."""
        if not self._lock.acquire(blocking=False):
            raise TtsError("The solver is at work already.", "Use one Solver per thread, and end an iterator first.")
        try:
            if self._closed:
                raise TtsError("The solver is closed.", "Make a new one.")
            self._cancelled.clear()
            yield
        finally:
            self._lock.release()


def _numbered(problems: Iterable[str | Problem | None]) -> Iterator[Problem | None]:
    for place, problem in enumerate(problems, start=1):
        yield Problem(str(place), problem) if isinstance(problem, str) else problem


# From settings to models and profile; also for those who plan without loading


def models_of(settings: Settings, *, with_prm: bool = True) -> ModelPair:
    """Which models are meant; loads nothing. Where no PRM is named it is the policy's own, if the method asks one.

    Raises UsageError.
    """
    asks = settings.method == "auto" or METHODS[settings.method].needs_prm
    return resolve_pair(settings.policy, settings.prm if with_prm else "none", own_prm=asks)


def effective(settings: Settings, models: ModelPair) -> Settings:
    """What was set, else what suits the policy."""
    return settings.with_defaults(**models.policy.sampling.model_dump())


def load_models(
    settings: Settings, models: ModelPair, stack: ExitStack, sequences: int = SEQUENCES
) -> tuple[LlamaPolicy, LlamaPRM | None]:
    """Load both models, each for so many sequences at once; `stack` closes them. Raises ModelError."""
    size = {"n_ctx": settings.ctx_size, "threads": settings.threads, "gpu_layers": settings.gpu_layers}
    policy = load_policy(models.policy, registry=models.registry, n_seq_max=sequences, **size)
    stack.callback(policy.close)
    if models.prm is None:
        return policy, None
    prm = load_prm(models.prm, registry=models.registry, prm_format=settings.prm_format, n_seq_max=sequences, **size)
    stack.callback(prm.close)
    return policy, prm


def find_profile(
    settings: Settings, models: ModelPair, policy_parameters: int, prm_parameters: int
) -> tuple[Profile | None, str | None]:
    """The profile that was made with these model files, and a remark on one that was made with others of these names.

    Raises UsageError where the settings name a file that is no profile, or not one of these models.
    """
    from tts_cli.strategy.profile import differs, fitting, read, samples_as

    if models.prm is None or settings.profile == "none":
        return None, None
    policy, prm = model_file(models.policy, policy_parameters), model_file(models.prm, prm_parameters)
    samples = samples_as(effective(settings, models))
    if settings.profile is None:
        return fitting(profile_files(), policy, prm, samples)
    path = Path(settings.profile).expanduser()
    asked = read(path)
    why_not = differs(asked, policy, prm, samples)
    if why_not is not None:
        raise UsageError(f"The profile {path} cannot be used: {why_not}.", "Make one with `tts calibrate DATASET`.")
    return asked, None


def model_file(entry: ModelEntry, parameters: int) -> ModelFile:
    """What a profile says of a model. Raises ModelError."""
    from tts_cli.data.fingerprint import of_file
    from tts_cli.models.registry import locate
    from tts_cli.strategy.profile import ModelFile

    return ModelFile(name=entry.name, content=of_file(locate(entry)), parameters=parameters)


def profile_files() -> list[Path]:
    """The user's own, then those that ship."""
    return [path for place in (profiles_dir(), PACKAGED / "profiles") for path in sorted(place.glob("*.yaml"))]
