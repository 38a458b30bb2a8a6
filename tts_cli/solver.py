"""`Solver`: models loaded once, problems solved with them. What the command line, batch, eval and callers go through.

    settings ── models (registry) ── profile ── plan ── search ── Record

Here names become loaded models and settings become what the strategy wants to know. How one problem is searched is
decided in `solving`. This module prints nothing, installs no signal handler and takes no setting from the environment
or from a file (`tts_cli.config.resolve` does, for the command line). The first model that is loaded sets
GGML_NO_BACKTRACE in the environment, so that llama.cpp does not start a debugger where it aborts, and GOMP_SPINCOUNT
(unless that or OMP_WAIT_POLICY is set), so that threads that wait for each other leave their cores to other programs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from inspect import GEN_SUSPENDED, getgeneratorstate
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

from tts_cli.answers.vote import Aggregate, Select
from tts_cli.config import Settings
from tts_cli.data.record import Problem, Record
from tts_cli.errors import TtsError, UsageError, log_unexpected
from tts_cli.models.load import ModelPair, load_policy, load_prm, resolve_pair
from tts_cli.paths import PACKAGED, profiles_dir
from tts_cli.protocols import Contended, Contention, Interruptible, facts_of
from tts_cli.search.driver import PRM_PATIENCE
from tts_cli.search.events import Event, StepUnderWay
from tts_cli.search.methods import find, load_plugins
from tts_cli.search.under_way import steps_under_way
from tts_cli.solving import wording
from tts_cli.solving.ordering import InOrder
from tts_cli.solving.session import Session
from tts_cli.solving.solve import Solved, how_many, new_judge, solve, solve_many
from tts_cli.strategy.plan import make_plan

if TYPE_CHECKING:
    from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
    from tts_cli.models.registry import ModelEntry
    from tts_cli.protocols import Policy, RewardModel
    from tts_cli.strategy.profile import ModelFile, Profile, Unfit

SEQUENCES = 64
"""Of each model: what is decoded together at most."""

BY_PROFILE = ("auto", "best-of-n")
"""Methods that a profile matters to: it decides what `auto` does, and gives best-of-n its confidence."""

_TICK = 0.01  # seconds between two attempts to close a solver that is at work


class Solver:
    """Solves problems with one policy and, where the method asks one, one PRM. Use it in `with`, or call `close`.

    `settings`, or single settings by the names of the flags: `Solver(policy="model.gguf", method="beam", budget=16)`.
    `policy` and `prm` may also be back ends of one's own (`tts_cli.protocols`), which `close` leaves alone.

    One call at a time: another thread's, or one while an iterator of `solve_many` is open, gets a TtsError, as does a
    call after `close`. Use one Solver per thread. `cancel` and `close` may be called from anywhere.

    Raises UsageError for settings that cannot be used, ModelError for a model that is missing or unfit, TtsError for a
    plugin that cannot be loaded.

    >>> with Solver(policy="nano", method="greedy") as solver:
    ...     solver.solve("Compute 3 + 4.").answer
    '7'
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        policy: str | Path | Policy | None = None,
        prm: str | Path | RewardModel | None = None,
        models: ModelPair | None = None,
        sequences: int = SEQUENCES,
        on_note: Callable[[str], None] = lambda note: None,
        **fields: Any,
    ) -> None:
        """`models`: those that the settings mean, where they are resolved already. `sequences`: decoded together.
        `on_note` gets what a person should know before the models are loaded: that memory is short."""
        load_plugins()
        names = {role: str(one) for role, one in (("policy", policy), ("prm", prm)) if isinstance(one, str | Path)}
        if settings is not None and fields | names:
            raise UsageError("Settings were given twice.", "Give either `settings` or single ones by name.")
        self.settings = settings or Settings(**fields, **names)
        self._lock, self._owner = threading.Lock(), 0  # held during a call, and by which thread
        self._iterator: Callable[[], Generator[Record, None, None] | None] = lambda: None  # that has made the call
        self._cancelled, self._closed = threading.Event(), False
        self._session: Session | None = None  # of `search`
        found: tuple[Profile | None, Unfit | None] = (None, None)
        with ExitStack() as stack:
            self._judge = stack.enter_context(new_judge(verify=self.settings.verify))
            if policy is None or isinstance(policy, str | Path):
                own_prm = prm is None or isinstance(prm, str | Path)
                pair = models or models_of(self.settings, with_prm=own_prm)
                self._effective = effective(self.settings, pair)
                self.policy: Policy
                self.prm: RewardModel | None
                self.policy, loaded = load_models(self.settings, pair, stack, sequences, on_note)
                self.prm = loaded if prm is None or isinstance(prm, str | Path) else prm
                if self.prm is loaded and self.settings.method in BY_PROFILE:
                    prm_parameters = loaded.parameters if loaded else None
                    found = find_profile(self.settings, pair, self.policy.parameters, prm_parameters)
            elif isinstance(prm, str | Path) and prm != "none":
                raise UsageError("A PRM by name goes with a policy by name.", "Load it with tts_cli.models.load_prm.")
            else:
                self._effective = self.settings
                self.policy, self.prm = policy, None if isinstance(prm, str | Path) else prm
            prm_facts = facts_of(self.prm) if self.prm else None
            self.plan = make_plan(self._effective, facts_of(self.policy), prm_facts, *found)
            self._stack = stack.pop_all()  # all went well: from here on `close` has it

    def solve(self, problem: str | Problem, *, on_event: Callable[[Event], None] = lambda event: None) -> Record:
        """Solve one problem. Raises TtsError where it cannot be begun (it is empty, or too long).

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
        with self._claimed():
            return solve(
                _problem(problem, 1),
                self._effective,
                self.policy,
                self.prm,
                plan=self.plan,
                listener=on_event,
                should_stop=lambda: self._ending or should_stop(),
                on_begin=self._watch,
                on_advance=on_decode,
                judge=self._judge,
            )

    def steps_under_way(self) -> list[StepUnderWay]:
        """What `search` is writing at this moment; for displays, which ask from `on_decode`."""
        return steps_under_way(self._session.search) if self._session is not None else []

    def contention(self) -> Contention | None:
        """How much of this machine other programs use, where that slows the models down (`protocols.Contended`)."""
        models: list[object] = [self.policy, self.prm]
        found = [model.contention() for model in models if isinstance(model, Contended)]
        return max(filter(None, found), key=lambda one: one.others, default=None)

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

        Begins when the first record is asked for, reads `problems` lazily, and keeps `in_flight` of them under way at
        once (by default as many as the models hold). A text gets its 1-based place as its id. None means "none for
        now": those under way go on, and it is asked again after the next decode; with nothing under way it is the end.
        An error in one problem gives a record with that error. `on_event` gets the problem's id and the event.
        `prm_patience`: decodes for which the PRM lets a busy policy go first; many where nobody watches.

        After `cancel` what is finished is yielded, and what is under way is dropped; `close`, or dropping the iterator,
        drops both. Raises UsageError for two problems with one id, and what a back end raises.

        >>> with Solver(method="greedy") as solver:
        ...     [(record.id, record.answer) for record in solver.solve_many(["Compute 3 + 4.", "Compute 2 + 3."])]
        [('1', '7'), ('2', '5')]
        """

        def records() -> Generator[Record, None, None]:
            at_once = in_flight or self.capacity
            order = InOrder.over(at_once, ordered=ordered)
            with self._claimed():
                self._iterator = itself
                solutions = solve_many(
                    order.admit(None if one is None else _problem(one, n) for n, one in enumerate(problems, start=1)),
                    self._effective,
                    self.policy,
                    self.prm,
                    plan=self.plan,
                    listener=on_event,
                    should_stop=lambda: self._ending or should_stop(),
                    on_advance=on_decode,
                    judge=self._judge,
                    max_in_flight=at_once,
                    prm_patience=prm_patience,
                )
                with closing(solutions):
                    for solved in solutions:
                        log_unexpected(solved.error)
                        if not solved.stopped:
                            yield from order.put(solved.record)
                    yield from order.rest()

        opened = records()
        itself = ref(opened)  # weak: an iterator that is dropped ends
        return opened

    @property
    def vote(self) -> tuple[Aggregate, Select]:
        """How solutions vote: as was calibrated, else as the settings say."""
        return self.plan.vote(self._effective)

    @property
    def capacity(self) -> int:
        """How many problems to have under way at once: what the policy's KV pool holds."""
        engine = getattr(self.policy, "engine", None)
        return how_many(self.plan.usual, engine.n_ctx) if engine is not None else 16

    def cancel(self) -> None:
        """End what is under way after the next decode, from any thread: `solve` returns the best answer so far.
        A decode that is under way is broken off, where the back end can (`protocols.Interruptible`)."""
        self._cancelled.set()
        for model in (self.policy, self.prm):
            if isinstance(model, Interruptible):
                model.interrupt()

    def close(self) -> None:
        """Free the models. Safe to call twice, and from any thread.

        What is under way is cancelled first, and waited for; an open iterator of `solve_many` ends. Called from within
        (from `on_event`, say), it returns at once, and the models are freed when the call under way is over.
        """
        self._closed = True
        while not self._lock.acquire(blocking=False):
            records = self._iterator()
            if records is not None and getgeneratorstate(records) == GEN_SUSPENDED:
                with suppress(ValueError):  # its thread has gone on with it meanwhile
                    records.close()
            if self._owner == threading.get_ident() and self._lock.locked():
                return
            time.sleep(_TICK)
        try:
            self._stack.close()
        finally:
            self._lock.release()

    def __enter__(self) -> Solver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _watch(self, session: Session) -> None:
        self._session = session

    @property
    def _ending(self) -> bool:
        return self._closed or self._cancelled.is_set()

    @contextmanager
    def _claimed(self) -> Iterator[None]:
        """Nobody else at the same time. Raises TtsError."""
        if not self._lock.acquire(blocking=False):
            raise TtsError("The solver is at work already.", "Use one Solver per thread, and end an iterator first.")
        try:
            if self._closed:
                raise TtsError("The solver is closed.", "Make a new one.")
            self._owner = threading.get_ident()
            self._cancelled.clear()
            yield
        finally:
            self._lock.release()
            if self._closed:  # meanwhile, from within
                self.close()


def _problem(given: str | Problem, place: int) -> Problem:
    if isinstance(given, Problem):
        return given
    if not isinstance(given, str):
        raise UsageError(f"{given!r} is no problem.", "Give a text, or a tts_cli.Problem.")
    return Problem(str(place), given)


# From settings to models and profile; also for those who plan without loading


def models_of(settings: Settings, *, with_prm: bool = True) -> ModelPair:
    """Which models are meant; loads nothing. Where no PRM is named it is the policy's own, if the method asks one.

    Raises UsageError.
    """
    asks = settings.method == "auto" or find(settings.method).needs_prm
    prm = settings.prm if with_prm else "none"
    return resolve_pair(settings.policy, prm, own_prm=asks, prm_format=settings.prm_format)


def effective(settings: Settings, models: ModelPair) -> Settings:
    """What was set, else what suits the policy and the PRM."""
    format = models.prm.format if models.prm else None
    aggregate = (format.aggregate if format else None) or settings.aggregation
    return settings.with_defaults(**models.policy.sampling.model_dump(), aggregate=aggregate)


def load_models(
    settings: Settings,
    models: ModelPair,
    stack: ExitStack,
    sequences: int = SEQUENCES,
    on_note: Callable[[str], None] = lambda note: None,
) -> tuple[LlamaPolicy, LlamaPRM | None]:
    """Load both models, each for so many sequences at once; `stack` closes them. Raises ModelError, and UsageError
    where both together cannot fit into memory; `on_note` is called where the context was made smaller for it."""
    from tts_cli.models.room import find_room

    size: dict[str, Any] = {
        "threads": settings.threads,
        "gpu_layers": settings.gpu_layers,
        "n_seq_max": sequences,
    }
    entries = [models.policy, *([models.prm] if models.prm else [])]
    room = find_room(entries, n_ctx=settings.ctx_size, **size)
    if room.note is not None:
        on_note(room.note)
    policy = load_policy(models.policy, registry=models.registry, n_ctx=room.n_ctx[0], **size)
    stack.callback(policy.close)
    _note_fallback(policy, on_note)
    if models.prm is None:
        return policy, None
    prm = load_prm(
        models.prm,
        registry=models.registry,
        prm_format=settings.prm_format,
        beside=policy,
        n_ctx=room.n_ctx[1],
        **size,
    )
    stack.callback(prm.close)
    _note_fallback(prm, on_note)
    return policy, prm


def _note_fallback(model: LlamaPolicy | LlamaPRM, on_note: Callable[[str], None]) -> None:
    if model.engine.lacks_flash_attention:
        on_note(f"note: llama.cpp has no flash attention for {model.name}: it runs without, more slowly.")


def find_profile(
    settings: Settings, models: ModelPair, policy_parameters: int, prm_parameters: int | None
) -> tuple[Profile | None, Unfit | None]:
    """The profile that was made with these model files (without a PRM: with the policy's alone), or else one that was
    made for models of these names. Raises UsageError where the settings name a file that is no profile, or not one of
    these models.
    """
    from tts_cli.strategy.profile import differs, fitting, read, samples_as

    if settings.profile == "none":
        return None, None
    policy = model_file(models.policy, policy_parameters)
    prm = model_file(models.prm, prm_parameters or 0) if models.prm else None
    samples = samples_as(effective(settings, models))
    if settings.profile is None:
        return fitting(profile_files(), policy, prm, samples)
    path = Path(settings.profile).expanduser()
    asked = read(path)
    mismatch = differs(asked, policy, prm, samples)
    if mismatch is not None:
        why = wording.of_mismatch(mismatch)
        raise UsageError(f"The profile {path} cannot be used: {why}.", "Make one with `tts calibrate DATASET`.")
    return asked, None


def model_file(entry: ModelEntry, parameters: int) -> ModelFile:
    """What a profile says of a model; of one that is a PRM by its format, both. Raises ModelError."""
    from tts_cli.data.fingerprint import of_settings
    from tts_cli.models.content import of_file
    from tts_cli.models.registry import locate
    from tts_cli.strategy.profile import ModelFile

    content = of_file(locate(entry))
    if entry.format is not None and (entry.format.of == "any" or entry.format.head):
        content = of_settings({"file": content, **entry.format.model_dump(mode="json")})
    return ModelFile(name=entry.name, content=content, parameters=parameters)


def profile_files() -> list[Path]:
    """The user's own, then those that ship."""
    return [path for place in (profiles_dir(), PACKAGED / "profiles") for path in sorted(place.glob("*.yaml"))]
