"""The program: its commands, `--version`, and the one place where exceptions become exit codes.

Importing this module costs what `tts --help` costs: no model, no numerics, no answer checking. A command's module is
imported when the command is asked for.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from tts_cli import __version__
from tts_cli.cli import errors
from tts_cli.cli.channels import emit, is_capable_terminal, silence_stdout
from tts_cli.cli.options import Command, Debug, Invocation, NoColor
from tts_cli.search.methods import load_plugins

HELP = """Solve maths problems with small local models that search for the answer.

A policy writes solutions step by step, a process reward model (PRM) scores every step, and a search spends \
more compute where it pays.
"""
EPILOG = """Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no answer, 4 a model is not there, 130 Ctrl-C."""
MODULES = ("solve", "batch", "grade", "eval", "calibrate", "check", "show", "explain", "doctor", "models")
"""Those of the commands, in the order of the help. Each has a COMMAND, or COMMANDS and a HELP for the group of them."""


def build(rich_help: bool) -> TyperGroup:
    """The program; help is drawn with boxes only where it goes to a terminal."""
    program = _group(rich_help, _root, name="tts", help=HELP, epilog=EPILOG, add_completion=True)
    program.commands = cast("dict[str, Any]", _Commands(rich_help))
    return program


class _Commands(Mapping[str, Any]):
    """Every command by name; a command is made, and its module imported, when it is looked up."""

    def __init__(self, rich_help: bool) -> None:
        self._rich_help = rich_help

    def __getitem__(self, name: str) -> Any:
        if name not in MODULES:
            raise KeyError(name)
        module = import_module(f"tts_cli.cli.{name}")
        if hasattr(module, "COMMAND"):
            return _command(name, module.COMMAND, self._rich_help)
        group = _group(self._rich_help, name=name, help=module.HELP, epilog="")
        for one, command in module.COMMANDS.items():
            group.add_command(_command(one, command, self._rich_help))
        return group

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


def _group(rich_help: bool, callback: Callable[..., None] = lambda: None, **options: Any) -> TyperGroup:
    settings = {"help_option_names": ["-h", "--help"]}
    app = _app(rich_help, no_args_is_help=True, context_settings=settings, **options)
    app.callback()(callback)
    return cast("TyperGroup", typer.main.get_command(app))


def _app(rich_help: bool, add_completion: bool = False, **options: Any) -> typer.Typer:
    mode: Any = "rich" if rich_help else None
    return typer.Typer(rich_markup_mode=mode, pretty_exceptions_enable=False, add_completion=add_completion, **options)


def _command(name: str, command: Command, rich_help: bool) -> Any:
    app = _app(rich_help)
    app.command(name, cls=command.kind, epilog=command.epilog)(command.with_flags())
    return typer.main.get_command(app)


def main() -> None:
    """Entry point of the `tts` command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    invocation = Invocation(arguments=tuple(arguments))
    try:
        load_plugins()
        program = build(is_capable_terminal(sys.stdout))
        code = program.main(arguments, prog_name="tts", standalone_mode=False, obj=invocation)
        if sys.stdout is not None:
            emit("")  # Typer's own output, such as help, may still be in the buffer
        return int(code or 0)
    except BrokenPipeError:
        silence_stdout()
        return 1
    except Exception as error:
        return errors.report(error, invocation.debug)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tts {__version__}, llama-cpp-python {version('llama-cpp-python')}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    debug: Debug = False,
    no_color: NoColor = False,
) -> None:
    context.obj.merge(debug=debug, no_color=no_color)
