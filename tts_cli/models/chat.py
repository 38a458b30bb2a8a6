"""Renders a model's own Jinja chat template, without the text that is filled in later.

Messages hold holes, not texts: a hole is rendered as one private-use character, and the result is split
there. So nothing that a problem says can reach the template's logic, and it is tokenised apart (`tokens.py`).
The date that some templates print is pinned: a prompt must not differ from one day to the next.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from tts_cli.errors import ModelError
from tts_cli.models.tokens import BOS, EOS, Hole

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.nodes import Node
    from jinja2.parser import Parser

    from tts_cli.models.entry import PromptStyle

DATE = datetime(2024, 7, 26)
DAY = "%d %b %Y"
_FIRST_SENTINEL, _SENTINELS_END = 0xF800, 0xF900  # private use: no text that is rendered holds these

Text = Sequence[str | Hole]
Message = tuple[str, Text]  # role, content


def policy_prompt(template: str | None, style: PromptStyle) -> list[str | Hole]:
    """The prompt of one problem, with the hole `problem`.

    A model without a template gets the messages as plain paragraphs, then "Solution:". Where a template
    refuses a system message, its text goes in front of the user's. Raises ModelError for an unusable template.
    """
    before, after = style.user.split("{problem}")
    user: Text = [before, Hole("problem"), after]
    system = [style.system] if style.system else []
    if template is None:
        return [*(f"{text}\n\n" for text in system), "Problem: ", *user, "\n\nSolution:"]
    messages: list[Message] = [("system", system)] if system else []
    try:
        return render(template, [*messages, ("user", user)], open_turn=True)
    except ModelError:
        if not system:
            raise
    return render(template, [("user", [*system, "\n\n", *user])], open_turn=True)


def render(template: str, messages: Sequence[Message], *, open_turn: bool) -> list[str | Hole]:
    """A conversation as the template writes it, cut at its holes, BOS and EOS among them.

    `open_turn`: end where the assistant begins. Raises ModelError for a template that is malformed, fails or
    loses a hole.
    """
    from jinja2 import TemplateError

    sentinels = map(chr, range(_FIRST_SENTINEL, _SENTINELS_END))
    holes = {next(sentinels): hole for hole in (BOS, EOS)}
    bos, eos = holes
    contents = [{"role": role, "content": _with_sentinels(text, sentinels, holes)} for role, text in messages]
    values = {"messages": contents, "bos_token": bos, "eos_token": eos, "date_string": DATE.strftime(DAY)}
    try:
        text = _environment().from_string(template).render(values, add_generation_prompt=open_turn, tools=None)
    except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise _unusable(str(error) or type(error).__name__) from error
    if any(sentinel not in text for sentinel, hole in holes.items() if hole not in (BOS, EOS)):
        raise _unusable("it leaves out a message")
    return [holes.get(part, part) for part in re.split(f"([{''.join(holes)}])", text) if part]


def _with_sentinels(text: Text, unused: Iterator[str], holes: dict[str, Hole]) -> str:
    """A message's text with an unused sentinel for each of its holes, which are noted in `holes`."""
    content = ""
    for part in text:
        if isinstance(part, Hole):
            sentinel = next(unused)
            holes[sentinel] = part
            content += sentinel
        else:
            content += part
    return content


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


def _unusable(why: str) -> ModelError:
    return ModelError(f"The model's chat template cannot be used: {why}.", "Try another GGUF file of this model.")
