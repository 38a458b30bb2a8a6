"""`tts models import` and `tts models remove`: a Hugging Face directory becomes a model of the models directory, and a
model of that directory goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.options import Command

if TYPE_CHECKING:
    from tts_cli.models.importing.convert import ImportedFiles

EPILOG = """Examples:

  tts models import Qwen2.5-Math-PRM-7B --type Q4_K_M

  tts solve --prm Qwen2.5-Math-PRM-7B-Q4_K_M "What is 5/6 - 1/4?"

DIR holds config.json, tokenizer.json and safetensors files of a Qwen2 or Llama model, as its publisher has them. A \
PRM's head goes into a file of its own beside the GGUF.
"""
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A Hugging Face model directory.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE.gguf", help="Where to write. (default: DIR's name, in the models directory)"),
]
Type = Annotated[
    Literal["F16", "Q8_0", "Q4_K_M", "F32"], typer.Option("--type", help="How weights are stored. (default: Q8_0)")
]
HeadOnly = Annotated[
    str | None,
    typer.Option("--head-only", metavar="BACKBONE.gguf", help="Import the head alone, for this GGUF of the same PRM."),
]
Format = Annotated[
    str | None,
    typer.Option("--prm-format", metavar="NAME", help="The format it was trained with. (default: by its class)"),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A model in the models directory.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Remove it without asking.")]


def import_model(
    channels: Channels,
    folder: Folder,
    out: Out = None,
    type: Type = "Q8_0",
    head_only: HeadOnly = None,
    prm_format: Format = None,
) -> None:
    """Import a Hugging Face directory as a GGUF file (-q: its path)."""
    from tts_cli.errors import UsageError
    from tts_cli.models import registry
    from tts_cli.models.importing import convert
    from tts_cli.models.load import resolve
    from tts_cli.paths import expand, models_dir

    known = registry.read()
    if prm_format is not None:
        known.format(prm_format)
    source = convert.read_source(expand(str(folder)), prm_format)
    if source.head is not None and known.format(trained := source.head.card.prm_format).read != "head":
        raise UsageError(f"The PRM has a head, and the format '{trained}' is not for one.", "Name another one.")
    if head_only is not None:
        backbone = registry.locate(resolve(head_only, "policy", known))
        return _present(channels, convert.import_head(source, backbone, out))
    target = out or models_dir() / f"{source.name}-{type}.gguf"
    with _progress(channels) as on_rows:
        done = convert.import_model(source, target, type, prm_format, on_rows)
    _present(channels, done)
    if done.file is not None and done.file.parent == models_dir():
        flag = "--prm" if done.head or prm_format else "--policy"
        channels.note(f"Use it as `{flag} {done.file.stem}`.")
    return None


def remove_model(channels: Channels, name: Name, yes: Yes = False) -> None:
    """Remove a model's files from the models directory (-q: the paths)."""
    from tts_cli.cli.sampling import asker
    from tts_cli.errors import TtsError, UsageError, reason
    from tts_cli.models import removing

    files = removing.files_of(name)
    size = sum(path.stat().st_size for path in files)
    listed = ", ".join(path.name for path in files)
    if not asker(yes)(f"Remove {listed} ({size / 1e9:.2f} GB)?"):
        raise UsageError(f"Nothing was removed: {name} is {listed}.", "Give `--yes` to remove it.")
    try:
        for path in files:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise TtsError(f"{name} cannot be removed: {reason(error)}.", "Check the permissions.") from error
    if channels.json:
        emit_json(json.dumps({"removed": [str(path) for path in files], "bytes": size}, ensure_ascii=False))
    else:
        emit("".join(f"{path}\n" if channels.quiet else f"removed {path}\n" for path in files))


def _present(channels: Channels, done: ImportedFiles) -> None:
    for note in done.notes:
        channels.note(f"note: {note}")
    fields = {"file": done.file, "head": done.head}
    texts = {name: str(path) for name, path in fields.items() if path is not None}
    if channels.json:
        emit_json(json.dumps({name: texts.get(name) for name in fields}, ensure_ascii=False))
    elif channels.quiet:
        emit(f"{done.file or done.head}\n")
    else:
        emit("".join(f"{name}  {text}\n" for name, text in texts.items()))


@contextmanager
def _progress(channels: Channels) -> Iterator[Callable[[int, int], Any]]:
    """Per cent and weights on a terminal, while the files are written."""
    if not channels.live:
        yield lambda done, total: None
        return
    from tts_cli.cli.view.progress import Progress

    with Progress(channels.console(stderr=True), {"million weights": "dim"}, total=100) as line:

        def on_rows(done: int, total: int) -> None:
            line.done, line.counts["million weights"] = 100 * done // total, done // 10**6
            line.tick()

        yield on_rows


COMMANDS = {"import": Command(import_model, epilog=EPILOG), "remove": Command(remove_model)}
