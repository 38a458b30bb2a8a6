"""`tts models pull`: a model of the Hub comes to the models directory; `--policy hf:...` asks once for it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.options import Command
from tts_cli.errors import TtsError

if TYPE_CHECKING:
    from tts_cli.config import Settings
    from tts_cli.hub.plan import PullPlan
    from tts_cli.hub.reference import Reference

EPILOG = """Examples:

  tts models pull qwen2.5-0.5b-instruct

  tts models pull --dry-run hf:Qwen/Qwen3-0.6B-GGUF:Q8_0

  tts solve --policy "$(tts models pull -qy hf:Qwen/Qwen3-0.6B-GGUF:Q8_0)" "What is 5/6 - 1/4?"

A pull that was cut off goes on where it was when it is called again. HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE are \
honoured, and a file in the cache of Hugging Face's own tools is not fetched again.
"""
Name = Annotated[
    str,
    typer.Argument(metavar="NAME|hf:USER/REPO[:QUANT|/FILE]", help="A name from `tts models list`, or a repository."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Fetch it without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be fetched.")]


class PullStopped(TtsError):
    """Ctrl-C while a model came."""

    exit_code = 130
    kind = "stopped"


def pull_model(channels: Channels, name: Name, yes: Yes = False, dry_run: DryRun = False) -> None:
    """Fetch a model from the Hugging Face Hub (-q: its path)."""
    from tts_cli.cli.sampling import asker
    from tts_cli.hub import plan as planning
    from tts_cli.models.registry import hub_reference

    found = planning.make(hub_reference(name))
    if not dry_run:
        _pull(channels, found, asker(yes), "Add --yes to fetch it")
    _present(channels, found, dry=dry_run)


def pull_missing(channels: Channels, settings: Settings) -> None:
    """Ask once for each model of the settings that is not here and could be pulled. Where nobody can be asked nothing
    happens: what needs the model says that it is missing. Raises TtsError."""
    from tts_cli.cli.sampling import asker
    from tts_cli.hub import plan as planning
    from tts_cli.hub.pulled import find

    if not channels.live or sys.stdin is None or not sys.stdin.isatty():
        return
    for name in filter(None, (settings.policy, settings.prm)):
        reference = _missing(name)
        if reference is not None and find(reference) is None:
            _pull(channels, planning.make(reference), asker(False), f"Fetch it with `tts models pull {name}`")


def _missing(name: str) -> Reference | None:
    """What to pull for a name that has no file here; None for all else."""
    from tts_cli.hub.reference import PREFIX, parse
    from tts_cli.models import registry

    if name.startswith(PREFIX):
        return parse(name)
    entry = registry.read().models.get(name)
    if entry is None or entry.pull is None or registry.find_file(entry) is not None:
        return None
    return parse(entry.pull)


def _pull(channels: Channels, plan: PullPlan, ask: Callable[[str], bool], otherwise: str) -> None:
    """Raises TtsError."""
    from tts_cli.hub.download import is_here, pull_file

    if not all(is_here(file, _target(file.name)) for file in plan.files):
        _check_room(plan)
        if not ask("\n".join([*_lines(plan), "Fetch it?"])):
            raise TtsError(f"Nothing of {plan.page} was fetched: that needs a yes.", f"{otherwise}.")
    before = 0
    try:
        with _progress(channels, plan) as on_bytes:
            for file in plan.files:
                # The default binds this file's start.
                def so_far(count: int, start: int = before) -> None:
                    on_bytes(start + count)

                pull_file(plan, file, _target(file.name), so_far, channels.note)
                before += file.size
    except KeyboardInterrupt:
        raise PullStopped("Stopped.", "What has come is kept; the same command goes on from there.") from None


def _target(name: str) -> Path:
    from tts_cli.paths import models_dir

    return models_dir() / name


def _check_room(plan: PullPlan) -> None:
    """Raises TtsError now rather than after an hour."""
    from tts_cli.hub.download import still_to_fetch

    needed = sum(still_to_fetch(file, _target(file.name)) for file in plan.files)
    if needed > (free := _free()):
        what = f"{_size(needed)} are to be fetched, and the disk has {_size(free)} free"
        raise TtsError(f"{what}.", "Make room, or set TTS_MODELS_DIR to a folder on another disk.")


def _free() -> int:
    """Bytes free where models are kept."""
    folder = _target("x").absolute().parent
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def _lines(plan: PullPlan) -> list[str]:
    from tts_cli.cli.view.tables import aligned

    rows = [
        ("file", f"{file.path}, {_size(file.size)}, SHA-256 {file.sha256 or 'not published'}") for file in plan.files
    ]
    about = [
        ("from", f"{plan.page} at {plan.revision[:8]}"),
        ("licence", (plan.licence or "not stated") + (", gated" if plan.gated else "")),
        ("to", str(_target(plan.files[0].name))),
        ("size", f"{_size(plan.size)}, {_size(_free())} free"),
    ]
    return aligned([*rows, *about], words=2)


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.2f} MB"


def _present(channels: Channels, plan: PullPlan, *, dry: bool = False) -> None:
    first = _target(plan.files[0].name)
    if channels.json:
        files = [{"path": f.path, "size": f.size, "sha256": f.sha256, "to": str(_target(f.name))} for f in plan.files]
        fields: dict[str, Any] = {"repo": plan.repo, "revision": plan.revision, "licence": plan.licence}
        fields |= {"gated": plan.gated, "size": plan.size, "free": _free(), "path": str(first), "files": files}
        emit_json(json.dumps(fields, ensure_ascii=False))
    elif channels.quiet or not dry:
        emit(f"{first}\n")
    else:
        emit("".join(f"{line}\n" for line in _lines(plan)))


@contextmanager
def _progress(channels: Channels, plan: PullPlan) -> Iterator[Callable[[int], None]]:
    """Megabytes, speed and time left on a terminal; one line elsewhere."""
    if not channels.live:
        channels.note(f"Fetching {_size(plan.size)} of {plan.page}.")
        yield lambda done: None
        return
    from tts_cli.cli.view.download import DownloadLine

    with DownloadLine(channels.console(stderr=True), plan.size) as line:
        yield line.arrived


COMMANDS = {"pull": Command(pull_model, epilog=EPILOG)}
