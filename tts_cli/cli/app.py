"""The program: its commands, `--version`, and the one place where exceptions become exit codes.

Importing this module costs what `tts --help` costs: no model, no numerics, no answer checking. A command's module is
imported when the command is asked for.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from tts_cli import __version__
from tts_cli.cli import errors
from tts_cli.cli.channels import emit, is_capable_terminal, silence_stdout
from tts_cli.cli.options import Debug, Invocation, NoColor
from tts_cli.errors import UsageError
from tts_cli.search.methods import load_plugins

HELP = """Solve maths problems with small local models that search for the answer.

A policy writes solutions step by step, a process reward model (PRM) scores every step, and a search spends \
more compute where it pays.
"""
EPILOG = """Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no answer, 4 a model is not there, 130 Ctrl-C."""
MODULES = ("solve", "batch", "grade", "eval", "calibrate", "train-prm", "check", "show", "explain", "doctor", "models")
"""Those of the commands, in the order of the help. Each has a COMMAND, or COMMANDS and a HELP for the group of them."""


class CommandGroup(TyperGroup):
    """Without a command it is wrong usage: its help goes to stderr."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            self.rich_markup_mode = "rich" if is_capable_terminal(sys.stderr) else None
            with redirect_stdout(sys.stderr):
                help = ctx.get_help()  # the rich one is printed at once
                print(help, end="\n" if help else "")
            ctx.exit(UsageError.exit_code)
        rest: list[str] = super().parse_args(ctx, args)
        return rest


class Program(CommandGroup):
    """Makes a command, and imports its module, when it is asked for: by its name, or for the help of all."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in MODULES:
            return None
        module = import_module(f"tts_cli.cli.{cmd_name.replace('-', '_')}")
        rich_help, about = self.rich_markup_mode is not None, getattr(module, "HELP", None)
        app = _typer(rich_help, name=cmd_name, help=about, cls=CommandGroup, add_completion=False)
        commands = module.COMMANDS if hasattr(module, "COMMANDS") else {cmd_name: module.COMMAND}
        for name, command in commands.items():
            app.command(name, cls=command.kind, epilog=command.epilog)(command.with_flags())
        return typer.main.get_command(app)


def build(rich_help: bool) -> TyperGroup:
    """The program; help is drawn with boxes only where it goes to a terminal."""
    app = _typer(rich_help, name="tts", cls=Program, help=HELP, epilog=EPILOG)
    app.callback()(_root)
    program = cast("TyperGroup", typer.main.get_command(app))
    program.commands = cast("dict[str, Any]", dict.fromkeys(MODULES))
    return program


def _typer(rich_help: bool, **options: Any) -> typer.Typer:
    return typer.Typer(
        **options,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode="rich" if rich_help else None,
        pretty_exceptions_enable=False,
    )


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
