"""The flags of the commands: those of `Settings`, made from its fields, and those of the output.

A solving flag defaults to None, "not given", so that `config.resolve` can look further; the help names the built-in
default, in round brackets because Rich takes square ones for markup.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from tts_cli.cli.channels import Channels
from tts_cli.config import LIMITS, MODELS, SAMPLING, SEARCH, Settings, flag_name, methods
from tts_cli.errors import log_tracebacks

OUTPUT = "Output"


@dataclass
class Invocation:
    """What `main` must know of the flags of whichever command ran."""

    debug: bool = False
    no_color: bool = False
    arguments: tuple[str, ...] = ()

    def merge(self, *, debug: bool, no_color: bool) -> None:
        """`tts --debug solve` and `tts solve --debug` are the same."""
        if debug:
            log_tracebacks()
        self.debug |= debug
        self.no_color |= no_color


class TextCommand(TyperCommand):
    """A text such as "-3 + 5" is an argument, though it starts with a minus; after `--` everything is.

    A flag is a name, with or without a value: `--budgt`, `-n8`, `--seed=3`. Where `words_are_flags` is False, a short
    one must be known: `-x` is a text.
    """

    words_are_flags = True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        parameters = self.get_params(ctx)
        known = {name for one in parameters for name in one.opts}
        with_value = {name for one in parameters if not getattr(one, "is_flag", True) for name in one.opts}
        flags, texts = list[str](), list[str]()
        rest = iter(args)
        for text in rest:
            if text == "--":
                texts += rest
            elif self._is_text(text, known):
                texts.append(text)
            elif text in with_value:
                flags += [text, *itertools.islice(rest, 1)]
            else:
                flags.append(text)
        complete = not flags or flags[-1] not in with_value  # else what is missing is said
        parsed: list[str] = super().parse_args(ctx, [*flags, "--", *texts] if texts and complete else flags)
        return parsed

    def _is_text(self, text: str, known: set[str]) -> bool:
        if text in known:
            return False
        if not text.startswith("-") or text == "-":
            return True
        if text.startswith("--"):
            return not re.fullmatch(r"--[A-Za-z][\w-]*(=.*)?", text, re.DOTALL)
        with_value = text[:2] in known and re.fullmatch(r"-[A-Za-z]+\d+|-[A-Za-z]=\S*", text)
        return not (self.words_are_flags and (with_value or re.fullmatch(r"-[A-Za-z]+", text)))


def _extra(name: str) -> dict[str, Any]:
    extra = Settings.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return extra


def names_in(*panels: str) -> tuple[str, ...]:
    """The settings of these groups of the help, group by group."""
    return tuple(name for panel in panels for name in Settings.model_fields if _extra(name)["panel"] == panel)


ALL_SETTINGS = names_in(SEARCH, MODELS, SAMPLING, LIMITS)


def _flag(name: str) -> Any:
    """The option that sets a setting, as Typer wants it annotated."""
    field = Settings.model_fields[name]
    kind: Any = Literal[methods()] if name == "method" else field.annotation
    text = str(field.description)
    if field.default is not None and kind is not bool:
        text += f" (default: {field.default})"
    flag = flag_name(name)
    flags = {bool: (f"{flag}/--no-{name}",)}.get(kind, (flag, "-n") if name == "budget" else (flag,))
    option = typer.Option(*flags, help=text, rich_help_panel=_extra(name)["panel"], metavar=_extra(name)["metavar"])
    return Annotated[kind | None, option]


TraceFlag = Annotated[
    Path | None,
    typer.Option("--trace", metavar="FILE.json", help="Save the whole search for `tts show`.", rich_help_panel=OUTPUT),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on one line.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="The bare result, no notes.", rich_help_panel=OUTPUT)]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (as NO_COLOR=1).", rich_help_panel=OUTPUT)]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.", rich_help_panel=OUTPUT)]


@dataclass(frozen=True)
class Command:
    """One command as its module describes it.

    `run` gets the `Channels`, then parameters as Typer takes them, then the settings that were given as `**flags`; it
    returns the exit code, None for 0. `settings`: those that have a flag. `has_json`: whether there is `--json`.
    """

    run: Callable[..., int | None]
    settings: Sequence[str] = ()
    epilog: str | None = None
    has_json: bool = True
    kind: type[TyperCommand] = TyperCommand

    def with_flags(self) -> Callable[..., int | None]:
        """The function for Typer: with all its flags, in the order in which help lists them.

        Made anew for each program, as which methods there are may have changed.
        """
        signature = inspect.signature(self.run, eval_str=True)
        _, *own = (one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD)
        last = [one for one in own if one.kind is inspect.Parameter.KEYWORD_ONLY]
        first = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own if one not in last]
        settings = [_parameter(name, _flag(name), None) for name in self.settings]
        output = {"as_json": Json, "quiet": Quiet, "no_color": NoColor, "debug": Debug}
        if not self.has_json:
            del output["as_json"]
        made = [_parameter(name, flag, False) for name, flag in output.items()]

        @functools.wraps(self.run)
        def called(
            context: typer.Context, *, quiet: bool, no_color: bool, debug: bool, as_json: bool = False, **arguments: Any
        ) -> int | None:
            context.obj.merge(debug=debug, no_color=no_color)
            channels = Channels(quiet, as_json, context.obj.no_color, context.obj.arguments)
            return self.run(channels, **arguments)

        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
        called.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[context, *first, *settings, *last, *made]
        )
        return called


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
