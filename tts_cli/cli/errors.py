"""How a failure looks: `error:` and one sentence, then `hint:` and one more, on stderr; never a box, never a traceback.

The traceback is for `--debug` alone.
"""

from __future__ import annotations

import sys
import traceback

import typer

from tts_cli.errors import TtsError


def report(error: BaseException, debug: bool) -> int:
    """Print the failure to stderr and return the exit code."""
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, TtsError):
        say(error.what, error.hint)
        return error.exit_code
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "tts"
        say(error.format_message().replace("\n\t", " "), f"Try `{command} --help`.")
        return error.exit_code
    if isinstance(error, MemoryError):
        say("There is not enough memory.", "Use a smaller model, a smaller --ctx-size or a smaller --budget.")
        return 1
    first_line = (str(error).splitlines() or [""])[0]
    say(
        f"An unexpected {type(error).__name__} stopped the program: {first_line}",
        "Run the same command with --debug to see where, and report it as a bug.",
    )
    return 1


def say(what: str, hint: str = "") -> None:
    """One `error:` line and at most one `hint:` line, without control characters."""
    text = f"error: {_sentence(what)}\n" + (f"hint: {_sentence(hint)}\n" if hint else "")
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:  # nobody reads stderr: the exit code is all that is left to say it
        pass


def _sentence(text: str) -> str:
    from tts_cli.cli.view.text import safe_text

    text = " ".join(safe_text(text).split())
    return text if text.endswith((".", "?", "!", ":")) else f"{text}."
