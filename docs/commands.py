"""Writes docs/commands.md, the command reference, from the commands themselves: `python -m docs.commands`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tts_cli.cli.app import build
from tts_cli.cli.options import names_in
from tts_cli.config import LIMITS, MODELS, SAMPLING, SEARCH, Settings, flag_name

TARGET = Path(__file__).with_name("commands.md")
HEAD = """# Command reference

Generated from the commands by `python -m docs.commands`; `tts COMMAND --help` says the same.

{commands}

Every command also takes these (`tts batch` has no `--json`: its records are JSON anyway):

{output}

The result goes to stdout; progress, notes and errors go to stderr. On a terminal the result is drawn, in a pipe or a
file it is plain text. `NO_COLOR`, `TERM=dumb` and `COLUMNS` are respected.

`tts --install-completion` installs completion for your shell; `tts --show-completion` prints it.

| exit code | meaning |
|---|---|
| 0 | done: an answer, all rows processed, equal answers, no doubtful step |
| 1 | it failed: `error:` says what and why, `hint:` what to do; `--debug` shows the traceback |
| 2 | wrong usage: an unknown flag, a bad value, an unknown name |
| 3 | it ran, but: no answer (or below `--min-confidence`), a row with an error, different answers, a doubtful step |
| 4 | a model is not there, unreadable or not fit for its role |
| 130 | Ctrl-C; what is finished is written first |
"""
SETTINGS = """## Settings

Flags that the commands share. Each is also a variable (`--beam-width` is `TTS_BEAM_WIDTH`) and a line of a YAML file
(`beam_width: 4`). A flag wins over a variable, a variable over `./tts.yaml`, `./tts.yaml` over the user's configuration
file, which `tts doctor` names.

{panels}

Other variables say where files are: `TTS_MODELS_DIR` (model files), `TTS_MODELS_FILE` (the user's registry),
`TTS_PROFILES_DIR` (profiles of `tts calibrate`) and `TTS_DATA_DIR` (data sets).
"""


OUTPUT_FLAGS = ("as_json", "quiet", "no_color", "debug")


def reference() -> str:
    """The whole page."""
    commands = dict(_commands("tts", build(rich_help=False)))
    names = "\n".join(f"- [`{name}`](#{_anchor(name)}): {_first_line(command)}" for name, command in commands.items())
    solve = commands["tts solve"]
    panels = [f"### {panel}\n\n{_some(solve, names_in(panel))}" for panel in (SEARCH, MODELS, SAMPLING, LIMITS)]
    sections = [_section(name, command) for name, command in commands.items()]
    head = HEAD.format(commands=names, output=_some(solve, OUTPUT_FLAGS))
    parts = [head, *sections, SETTINGS.format(panels="\n\n".join(panels))]
    return "\n".join(part.strip() + "\n" for part in parts)


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The commands of a group, and those of the groups in it."""
    for one in command.list_commands(None):
        found = command.get_command(None, one)
        yield from _commands(f"{name} {one}", found) if hasattr(found, "commands") else [(f"{name} {one}", found)]


def _section(name: str, command: Any) -> str:
    """Usage, description, own arguments and flags, the settings that it takes, and its closing remarks."""
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    taken = [one for one in command.params if _is_setting(one)]
    own = [one for one in command.params if one not in taken and one.name not in OUTPUT_FLAGS]
    parts = [f"## {name}", f"```text\n{usage}\n```", str(command.help), *([_table(context, own)] if own else [])]
    if len(taken) == len(Settings.model_fields):
        parts.append("It takes all [settings](#settings).")
    elif taken:
        parts.append(f"[Settings](#settings) that it takes: {', '.join(f'`{flag_name(one.name)}`' for one in taken)}.")
    return "\n\n".join([*parts, *_closing(command.epilog or "")])


def _is_setting(parameter: Any) -> bool:
    """A flag that sets a field of Settings. (`tts calibrate --profile` is a flag of its own.)"""
    field = Settings.model_fields.get(parameter.name)
    return field is not None and str(parameter.help).startswith(str(field.description))


def _some(command: Any, names: Iterable[str]) -> str:
    context = command.make_context("tts", [], resilient_parsing=True)
    return _table(context, [one for one in command.params if one.name in names])


def _table(context: Any, parameters: Iterable[Any]) -> str:
    rows = [parameter.get_help_record(context) for parameter in parameters]
    lines = [f"| `{_escaped(name)}` | {_escaped(text)} |" for name, text in rows]
    return "\n".join(["| | |", "|---|---|", *lines])


def _closing(epilog: str) -> list[str]:
    """Its paragraphs; examples, which are indented, as one block."""
    paragraphs = [part for part in epilog.split("\n\n") if part.strip()]
    examples = [part.strip() for part in paragraphs if part.startswith("  ")]
    block = ["\n".join(["```text", *examples, "```"])] if examples else []
    return [*block, *(part.strip() for part in paragraphs if not part.startswith("  ") and part.strip() != "Examples:")]


def _first_line(command: Any) -> str:
    return str(command.help).splitlines()[0]


def _escaped(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", r"\|")


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
