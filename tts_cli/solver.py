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
from tts_cli.loading import BY_PROFILE, SEQUENCES, effective, find_profile, load_models, models_of
from tts_cli.models.load import ModelPair
from tts_cli.protocols import Contended, Contention, Interruptible, facts_of
from tts_cli.search.driver import PRM_PATIENCE
from tts_cli.search.events import Event, StepUnderWay
from tts_cli.search.methods import load_plugins
from tts_cli.search.under_way import steps_under_way
from tts_cli.solving.ordering import InOrder
from tts_cli.solving.session import Session
from tts_cli.solving.solve import Solved, how_many, new_judge, solve, solve_many
from tts_cli.strategy.plan import Plan, make_plan

if TYPE_CHECKING:
    from tts_cli.protocols import Policy, RewardModel
    from tts_cli.strategy.profile import Profile, Unfit

_LOADED_BY = ("threads", "gpu_layers", "ctx_size", "prm_format", "verify")
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
        self._pair: ModelPair | None = None  # of models that were loaded here
        with ExitStack() as stack:
            self._judge = stack.enter_context(new_judge(verify=self.settings.verify))
            self.policy: Policy
            self.prm: RewardModel | None
            if policy is None or isinstance(policy, str | Path):
                own_prm = prm is None or isinstance(prm, str | Path)
                pair = models or models_of(self.settings, with_prm=own_prm)
                self.policy, loaded = load_models(self.settings, pair, stack, sequences, on_note)
                self.prm = loaded if prm is None or isinstance(prm, str | Path) else prm
                self._pair = pair if own_prm else None
                self._effective = effective(self.settings, pair)
            elif isinstance(prm, str | Path) and prm != "none":
                raise UsageError("A PRM by name goes with a policy by name.", "Load it with tts_cli.models.load_prm.")
            else:
                self._effective = self.settings
                self.policy, self.prm = policy, None if isinstance(prm, str | Path) else prm
            self.plan = self._plan(self._effective, self._pair)
            self._stack = stack.pop_all()  # all went well: from here on `close` has it

    def _plan(self, settings: Settings, pair: ModelPair | None) -> Plan:
        """What is done for a problem; by a profile, where the models are ones that it may be for."""
        prm = facts_of(self.prm) if self.prm and (pair is None or pair.prm) else None
        found: tuple[Profile | None, Unfit | None] = (None, None)
        if pair is not None and settings.method in BY_PROFILE:
            found = find_profile(settings, pair, self.policy.parameters, prm.parameters if prm else None)
        return make_plan(settings, facts_of(self.policy), prm, *found)

    def change(self, settings: Settings) -> None:
        """Solve with other settings from now on, with the models that are loaded. Raises UsageError where the settings
        mean other models, or a model otherwise loaded, and where a Solver cannot be made with them.

        >>> with Solver(method="greedy") as solver:
        ...     solver.change(Settings(method="majority", budget=4))
        ...     solver.solve("Compute 3 + 4.").method
        'majority'
        """
        with self._claimed():
            if not self.serves(settings):
                raise UsageError("The settings mean other models than those that are loaded.", "Make a new Solver.")
            pair = models_of(settings)
            asked = effective(settings, pair)
            self.plan = self._plan(asked, pair)
            self.settings, self._effective = settings, asked

    def serves(self, settings: Settings) -> bool:
        """Are the models that are loaded those that the settings mean, or more? Raises UsageError for settings that
        name no model."""
        loaded, pair = self._pair, models_of(settings)
        alike = all(getattr(settings, name) == getattr(self.settings, name) for name in _LOADED_BY)
        return alike and loaded is not None and loaded.policy == pair.policy and pair.prm in (None, loaded.prm)

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
