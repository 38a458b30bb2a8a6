"""The search methods: each is one file and one line here. Whatever lists or distinguishes methods asks this registry.

A method is a coroutine `(search, budget N, beam width M)` that grows the search's tree (see context.py). What else must
be known of it is data: whether it asks the PRM, and how the samples of one budget relate to those of another, by which
`tts eval` decides what to sample once and `tts explain` what half the budget would have answered.

A method of one's own takes as little; `load_plugins` finds those of installed packages:

    async def shortest(search: Search, budget: int, beam_width: int) -> None:
        ...

    SHORTEST = Method("shortest", shortest, "the shortest of N solutions", needs_prm=False, samples="independent")

    register(SHORTEST)                                        # in one's own program, or
    [project.entry-points.tts_cli]                            # in the pyproject.toml of a package
    shortest = "my_package.shortest:SHORTEST"
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Literal

from tts_cli.errors import TtsError, UsageError, reason
from tts_cli.search.beam import beam
from tts_cli.search.best_first import best_first
from tts_cli.search.best_of_n import best_of_n
from tts_cli.search.context import Search
from tts_cli.search.dvts import dvts
from tts_cli.search.greedy import greedy
from tts_cli.search.majority import majority
from tts_cli.search.tree import shares

Samples = Literal["one", "independent", "trees", "beam", "adaptive"]
"""How the samples of budget N relate to those of a larger one: there is only one; the first N of them; the first N/M
trees; other ones, as all candidates compete; other ones, as each round depends on what the last one found."""


@dataclass(frozen=True, slots=True)
class Method:
    """`name` as on the command line, `summary` for its help. `needs_prm`: it asks the PRM to score steps."""

    name: str
    run: Callable[[Search, int, int], Awaitable[None]]
    summary: str
    needs_prm: bool
    samples: Samples

    @property
    def grows_trees(self) -> bool:
        """The beam width means something to it."""
        return self.samples in ("trees", "beam")

    def trajectories(self, budget: int, beam_width: int) -> int:
        """How many independent solutions come out of it: one for each sample, or for each tree."""
        if self.samples == "trees":
            return len(shares(budget, beam_width))
        return 1 if self.samples == "one" else budget

    def first_trees(self, budget: int, of: int, beam_width: int) -> int | None:
        """How many of the trees of budget `of` are those of the smaller `budget`; None where those are others."""
        smaller = shares(budget, beam_width)
        return len(smaller) if shares(of, beam_width)[: len(smaller)] == smaller else None

    def draws(self, budget: int, wanted: Method, wanted_budget: int) -> bool:
        """Whether its samples are all those of another run, whose scores are perhaps still to be had."""
        return self.samples == wanted.samples == "independent" and budget >= wanted_budget

    def covers(self, budget: int, wanted: Method, wanted_budget: int, beam_width: int) -> bool:
        """Whether a recording of this method with `budget` holds all samples, and scores, that another run needs."""
        if self.draws(budget, wanted, wanted_budget):
            return self.needs_prm or not wanted.needs_prm
        if self.name != wanted.name:
            return False
        if self.samples == "trees":
            return self.first_trees(wanted_budget, budget, beam_width) is not None
        return budget == wanted_budget


METHODS: dict[str, Method] = {}
"""By name, in the order of help and tables: from the least compute to the most."""


def register(method: Method) -> None:
    """Make a method known. Raises UsageError for a name that is taken."""
    if method.name in (*METHODS, "auto"):
        raise UsageError(f"There are two search methods named {method.name!r}.", "Give the new one another name.")
    METHODS[method.name] = method


@cache
def load_plugins() -> None:
    """Register the methods of installed packages: the entry points of the group `tts_cli`, each the name of a `Method`.

    For the command line, its worker processes and every `Solver`; only the first call does anything. Raises TtsError,
    naming the package, where a plugin cannot be loaded.
    """
    from importlib.metadata import entry_points

    for plugin in entry_points(group="tts_cli"):
        package = plugin.dist.name if plugin.dist else "a package"
        try:
            method = plugin.load()
            if not isinstance(method, Method):
                raise TypeError(f"{plugin.value} is no Method")
            if METHODS.get(method.name) is not method:
                register(method)
        except Exception as error:
            why = f"{type(error).__name__}, {reason(error)}".rstrip(".")
            raise TtsError(
                f"The plugin {plugin.name!r} of {package} cannot be loaded: {why}.", f"Mend or uninstall {package}."
            ) from error


def find(name: str) -> Method:
    """The method of this name. Raises UsageError that suggests a close one.

    >>> find("beam").needs_prm
    True
    """
    if name not in METHODS:
        close = get_close_matches(name, METHODS, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Choose one of: {', '.join(METHODS)}."
        raise UsageError(f"There is no search method {name!r}.", hint)
    return METHODS[name]


def writes_one(name: str) -> bool:
    """The method of this name writes one solution, whatever the budget. False for `auto` and for unknown names.

    >>> writes_one("greedy"), writes_one("majority")
    (True, False)
    """
    return name in METHODS and METHODS[name].samples == "one"


for _method in (
    Method("greedy", greedy, "one solution, the likeliest token each time", needs_prm=False, samples="one"),
    Method("majority", majority, "N solutions, the most frequent answer", needs_prm=False, samples="independent"),
    Method("best-of-n", best_of_n, "N solutions, every step scored", needs_prm=True, samples="independent"),
    Method("beam", beam, "N candidate steps at a time, the best N/M go on", needs_prm=True, samples="beam"),
    Method("dvts", dvts, "N/M separate beams that keep one step each", needs_prm=True, samples="trees"),
    Method("best-first", best_first, "N solutions in rounds, from the best prefix", needs_prm=True, samples="adaptive"),
):
    register(_method)
