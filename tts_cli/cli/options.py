"""The flags that commands share: those of `Settings`, made from its fields, and those of the output.

A solving flag defaults to None, "not given", so that `config.resolve` can look further; the help names the built-in
default, in round brackets because Rich takes square ones for markup.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tts_cli import config
from tts_cli.config import Settings, flag_name
from tts_cli.errors import log_tracebacks

OUTPUT = "Output"

Command = Callable[..., int]


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


def names_in(*panels: str) -> tuple[str, ...]:
    """The settings of these groups of the help, in order."""
    return tuple(name for name in Settings.model_fields if _extra(name)["panel"] in panels)


def _extra(name: str) -> dict[str, Any]:
    extra = Settings.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return extra


def _flag(name: str) -> Any:
    """The option that sets a setting, as Typer wants it annotated."""
    field = Settings.model_fields[name]
    kind: Any = Literal[config.methods()] if name == "method" else field.annotation
    text = str(field.description)
    if field.default is not None and kind is not bool:
        text += f" (default: {field.default})"
    flag = flag_name(name)
    flags = {bool: (f"{flag}/--no-{name}",)}.get(kind, (flag, "-n") if name == "budget" else (flag,))
    option = typer.Option(
        *flags, help=text, rich_help_panel=_extra(name)["panel"], show_default=False, metavar=_extra(name)["metavar"]
    )
    return Annotated[kind | None, option]


TraceFlag = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="FILE.json",
        help="Save the whole search for `tts show`.",
        rich_help_panel=OUTPUT,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on one line.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="The bare result, no notes.", rich_help_panel=OUTPUT)]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (as NO_COLOR=1).", rich_help_panel=OUTPUT)]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.", rich_help_panel=OUTPUT)]


def with_flags(command: Command, names: Sequence[str] = ()) -> Command:
    """The command with these settings (all without names) as its `**flags`; help lists them before its keyword-only
    parameters. Made anew for each program: which methods there are may have changed."""
    signature = inspect.signature(command, eval_str=True)
    *parameters, _ = signature.parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    at = next(i for i, parameter in enumerate(parameters) if parameter.kind is keyword)
    parameters[at:at] = [
        inspect.Parameter(name, keyword, default=None, annotation=_flag(name))
        for name in names or Settings.model_fields
    ]

    @functools.wraps(command)
    def flagged(*arguments: Any, **flags: Any) -> int:
        return command(*arguments, **flags)

    flagged.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return flagged
