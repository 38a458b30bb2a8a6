"""The process that renders a chat template: one JSON request on stdin, one JSON reply on stdout.

    {"template", "messages": [[role, content], ..], "bos", "eos", "open_turn"}  ->  {"text"}, {"error": "<why>"}, or
    {"exceeded": true} where it takes more memory or nesting, or writes more, than any honest template

A template is a program that came with a model file, and Jinja's sandbox bounds neither its time nor its memory:
`'a' * 10**9` or two nested loops are one call into C or millions of small ones. A process can be ended whatever it is
at. Jinja takes as long to load there as it would in the parent, which then does without. Started and watched by
`prompts.py`, which also ends it when its time is up.
"""

from __future__ import annotations

import json
import signal
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from tts_cli.errors import reason
from tts_cli.worker_process import limit_memory, requests_and_reply

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.nodes import Node
    from jinja2.parser import Parser

TIME_LIMIT = 3.0  # seconds of wall clock; honest templates take milliseconds
MEMORY_LIMIT = 512 << 20  # bytes of address space
LONGEST = 1 << 16  # characters of a rendered prompt, in which the problem is one character
_LONGEST_REASON = 200
DATE = datetime(2024, 7, 26)
DAY = "%d %b %Y"


def render(request: dict[str, Any]) -> dict[str, Any]:
    """The reply to a request; raises whatever the template makes Python raise."""
    values = {
        "messages": [{"role": role, "content": content} for role, content in request["messages"]],
        "bos_token": request["bos"],
        "eos_token": request["eos"],
        "date_string": DATE.strftime(DAY),
    }
    template = _environment().from_string(request["template"])
    text = template.render(values, add_generation_prompt=request["open_turn"], tools=None)
    return {"text": text} if len(text) <= LONGEST else {"exceeded": True}


def _environment() -> Environment:
    """Jinja as chat templates expect it (trimmed blocks, loop controls, a few helpers), in a sandbox."""
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class GenerationTag(Extension):
        """`{% generation %}` marks what a model is trained on; for a prompt it means nothing."""

        tags = {"generation"}  # noqa: RUF012 - jinja2 wants an instance variable

        def parse(self, parser: Parser) -> list[Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", GenerationTag]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = DATE.strftime
    return environment


def _tojson(value: Any, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)  # Jinja's own escapes HTML


def _raise_exception(message: str) -> NoReturn:
    from jinja2 import TemplateError

    raise TemplateError(message)


def main() -> None:
    requests, reply = requests_and_reply()
    _environment()  # loads Jinja before the clock runs
    limit_memory(MEMORY_LIMIT)
    reply('{"ready": true}')
    for line in requests:
        if hasattr(signal, "setitimer"):  # should the parent have died meanwhile
            signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT + 1)
        try:
            replied = render(json.loads(line))
        except (MemoryError, RecursionError):
            replied = {"exceeded": True}
        except Exception as error:  # a template can make Python raise anything
            replied = {"error": reason(error)[:_LONGEST_REASON]}
        reply(json.dumps(replied))


if __name__ == "__main__":
    main()
