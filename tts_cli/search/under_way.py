"""Which steps are being written or scored at this moment: for displays, which ask between two decodes.

No events: a token is no part of what happened in a search, and traces and recordings know nothing of it.
"""

from __future__ import annotations

from tts_cli.protocols import Streaming
from tts_cli.search.context import Search
from tts_cli.search.events import StepUnderWay


def steps_under_way(search: Search) -> list[StepUnderWay]:
    """In the order in which they were asked for; without those whose first token is still to come.

    Empty where the policy cannot be read while it writes (`protocols.Streaming`).
    """
    found = []
    for job, (backend, node, path) in search.jobs.items():
        partial = backend.partial_step(job) if path and isinstance(backend, Streaming) else None  # no path: the PRM's
        if partial is not None and partial.tokens:
            found.append(StepUnderWay(node.number, path, partial.text, partial.tokens))
    return found
