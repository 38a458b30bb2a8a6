"""From a name or a file to a model that is ready: which entry it is, and whether it fits its role."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tts_cli.errors import ModelError, UsageError
from tts_cli.models import registry
from tts_cli.models.entry import ModelEntry, Role
from tts_cli.models.files import expand, find, is_file, locate
from tts_cli.models.registry import Registry

if TYPE_CHECKING:
    from tts_cli.models.backends.llama_policy import LlamaPolicy
    from tts_cli.models.backends.llama_prm import LlamaPRM
    from tts_cli.models.prm.formats import PrmFormat

FORMAT_KEY = "tts.prm.format"  # a GGUF string: the name of the format that a PRM was trained for
_TITLES = {"policy": "policy", "prm": "PRM"}


def resolve(name_or_path: str, role: Role, known: Registry | None = None) -> ModelEntry:
    """The entry that `--policy` or `--prm` means: one of the registry, or one made up for a GGUF file.

    Loads nothing. Raises UsageError for an unknown name or a model of the other role.
    """
    known = known or registry.read()
    if name_or_path in known.models or not _looks_like_a_file(name_or_path):
        entry = known.entry(name_or_path)
    else:
        path = expand(name_or_path)
        entry = _registered(path, known) or _bare(path, role, known)
    if entry.role != role:
        raise _wrong_role(entry.name, role)
    return entry


def load_policy(
    name_or_path: str,
    *,
    n_ctx: int = 0,
    n_seq_max: int = 64,
    threads: int | None = None,
    gpu_layers: int = -1,
) -> LlamaPolicy:
    """Load a policy by name or GGUF file; `n_ctx` in tokens (0: chosen), `n_seq_max` sequences at once.

    Raises UsageError for an unknown name or a PRM, ModelError for a file that is missing or unfit.
    """
    from tts_cli.engine import Engine
    from tts_cli.models.backends.llama_policy import LlamaPolicy

    known = registry.read()
    entry = resolve(name_or_path, "policy", known)
    engine = Engine(locate(entry), n_ctx=n_ctx, n_seq_max=n_seq_max, threads=threads, gpu_layers=gpu_layers)
    try:
        if FORMAT_KEY in engine.metadata:
            raise _wrong_role(entry.name, "policy")
        style = entry.prompt or known.prompt_for(f"{entry.name} {engine.metadata.get('general.name', '')}")
        return LlamaPolicy(engine, entry, style)
    except Exception:
        engine.close()
        raise


def load_prm(
    name_or_path: str,
    *,
    prm_format: str | None = None,
    n_ctx: int = 0,
    n_seq_max: int = 64,
    threads: int | None = None,
    gpu_layers: int = -1,
) -> LlamaPRM | None:
    """Load a PRM by name or GGUF file, or None for "none". `prm_format` names the format of a bare file.

    Raises UsageError for an unknown name or format, or a policy; ModelError for a file missing or unfit.
    """
    if name_or_path == "none":
        return None
    from tts_cli.engine import Engine
    from tts_cli.models.backends.llama_prm import LlamaPRM

    known = registry.read()
    entry = resolve(name_or_path, "prm", known)
    engine = Engine(
        locate(entry), n_ctx=n_ctx, n_seq_max=n_seq_max, threads=threads, gpu_layers=gpu_layers, counts="prm"
    )
    try:
        entry, format = _with_format(entry, engine.metadata.get(FORMAT_KEY), prm_format, known)
        return LlamaPRM(engine, entry, format)
    except Exception:
        engine.close()
        raise


def _looks_like_a_file(text: str) -> bool:
    return text.lower().endswith(".gguf") or "/" in text or "\\" in text


def _bare(path: Path, role: Role, known: Registry) -> ModelEntry:
    family = known.family_of(path.stem) if role == "policy" else None
    return ModelEntry(name=path.stem, role=role, file=str(path.absolute()), family=family)


def _registered(path: Path, known: Registry) -> ModelEntry | None:
    """The registry's entry for this very file, so that what it says of the model is not lost."""
    if not is_file(path):
        return None
    files = ((entry, find(entry)) for entry in known.models.values())
    return next((entry for entry, file in files if file is not None and file.samefile(path)), None)


def _with_format(
    entry: ModelEntry, declared: str | None, asked: str | None, known: Registry
) -> tuple[ModelEntry, PrmFormat]:
    """The format that was asked for, else the entry's, else what the file declares; a bare file's family by it."""
    if asked is None and entry.format is not None:
        return entry, entry.format
    name = asked or declared
    if name is None or (asked is None and name not in known.formats):
        says = f"it says '{name}', which is not known" if name else "it does not say"
        raise ModelError(
            f"The format in which the PRM {entry.name} was trained is not known: {says}.",
            f"Name it with `--prm-format`, one of: {', '.join(known.formats)}.",
        )
    format = known.format(name)
    return entry.model_copy(update={"format": format, "family": entry.family or name}), format


def _wrong_role(name: str, wanted: Role) -> UsageError:
    other: Role = "prm" if wanted == "policy" else "policy"
    return UsageError(
        f"The model '{name}' is a {_TITLES[other]} and cannot be used as a {_TITLES[wanted]}.",
        f"Pass it as `--{other}`, and a {_TITLES[wanted]} as `--{wanted}`.",
    )
