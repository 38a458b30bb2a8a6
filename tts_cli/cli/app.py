"""The program: its commands, `--version`, and the one place where exceptions become exit codes.

Importing this module costs what `tts --help` costs: no model, no numerics, no answer checking.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from tts_cli import __version__
from tts_cli.cli import batch, calibrate, check, doctor, errors, eval, explain, grade, models, show, solve
from tts_cli.cli.channels import emit, silence_stdout
from tts_cli.cli.options import Debug, Invocation, NoColor, with_flags
from tts_cli.search.methods import load_plugins

HELP = """Solve maths problems with small local models that search for the answer.

A policy writes solutions step by step, a process reward model (PRM) scores every step, and a search spends \
more compute where it pays.
"""
EPILOG = """Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no answer, 4 a model is not there, 130 Ctrl-C."""


def build(rich_help: bool) -> typer.Typer:
    """The Typer application; help is drawn with boxes only where it goes to a terminal."""
    app = typer.Typer(
        name="tts",
        help=HELP,
        epilog=EPILOG,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode="rich" if rich_help else None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    app.command("solve", epilog=solve.EPILOG)(with_flags(solve.solve))
    app.command("batch", epilog=batch.EPILOG)(with_flags(batch.batch))
    app.command("grade", cls=grade.GradeCommand, epilog=grade.EPILOG)(grade.grade)
    app.command("eval", epilog=eval.EPILOG)(with_flags(eval.evaluate, eval.FLAGS))
    app.command("calibrate", epilog=calibrate.EPILOG)(with_flags(calibrate.calibrate, calibrate.FLAGS))
    app.command("check", epilog=check.EPILOG)(with_flags(check.check, check.FLAGS))
    app.command("show")(show.show)
    app.command("explain", epilog=explain.EPILOG)(explain.explain)
    app.add_typer(models.build(rich_help), name="models")
    app.command("doctor")(doctor.doctor)
    return app


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
        command = typer.main.get_command(build(_wants_rich_help()))
        code = command.main(arguments, prog_name="tts", standalone_mode=False, obj=invocation)
        if sys.stdout is not None:
            emit("")  # Typer's own output, such as help, may still be in the buffer
        return int(code or 0)
    except BrokenPipeError:
        silence_stdout()
        return 1
    except Exception as error:
        return errors.report(error, invocation.debug)


def _wants_rich_help() -> bool:
    return sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


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
