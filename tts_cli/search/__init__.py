"""The searches: a tree of steps, one module per method, and the driver that runs many at once.

Imports neither a back end nor anything that draws.
"""

from tts_cli.search.beam import beam
from tts_cli.search.best_of_n import best_of_n
from tts_cli.search.context import Method
from tts_cli.search.dvts import dvts
from tts_cli.search.greedy import greedy
from tts_cli.search.majority import majority

METHODS: dict[str, Method] = {
    "greedy": greedy,
    "majority": majority,
    "best-of-n": best_of_n,
    "beam": beam,
    "dvts": dvts,
}
"""By the names of the command line."""

GUIDED = frozenset({"best-of-n", "beam", "dvts"})
"""Methods that ask the PRM."""
