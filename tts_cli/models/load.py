"""From a name or a file to a model that is ready: which entry it is, and whether it fits its role."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from tts_cli.errors import ModelError, UsageError
from tts_cli.models.prm.heads import SUFFIX, check_prompt, entry_of_head, is_on_own_states, with_side_head
from tts_cli.models.registry import (
    ModelEntry,
    Registry,
    Role,
    all_installed,
    find_file,
    installed,
    is_file,
    locate,
    read,
)
from tts_cli.paths import expand

if TYPE_CHECKING:
    from tts_cli.engine.gguf_header import Header
    from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
    from tts_cli.models.prm.formats import PrmFormat
    from tts_cli.models.prompts import Hole

T = TypeVar("T")

FORMAT_KEY = "tts.prm.format"  # a GGUF string: the name of the format that a PRM was trained for
_TITLES = {"policy": "policy", "prm": "PRM"}


@dataclass(frozen=True, slots=True)
class ModelPair:
    """The registry's entries of the two models, not loaded; `prm` is None where none is used."""

    policy: ModelEntry
    prm: ModelEntry | None
    registry: Registry

    @property
    def loaded(self) -> list[ModelEntry]:
        """Those that get a context each: a head on the policy's own states has none. Raises ModelError."""
        if self.prm is None or is_on_own_states(self.prm, self.policy, self.registry):
            return [self.policy]
        return [self.policy, self.prm]


def resolve_pair(
    policy: str, prm: str | None, *, own_prm: bool, prm_format: str | None = None, registry: Registry | None = None
) -> ModelPair:
    """The entries of both models. `own_prm`: where no PRM is named, take the policy's own. Raises UsageError.
    `prm` "none" means none. Without `registry` it is read from its files."""
    known = registry or read()
    policy_entry = resolve(policy, "policy", known)
    name = prm or (prm_of(policy, known, prm_format) if own_prm else "none")
    prm_entry = None if name == "none" else resolve(name, "prm", known, prm_format, policy=policy_entry)
    return ModelPair(policy_entry, prm_entry, known)


def prm_of(policy: str, known: Registry, prm_format: str | None = None) -> str:
    """The PRM that suits a policy, or "none"; itself, where the format is for any language model. Raises UsageError."""
    if prm_format is not None and known.format(prm_format).of == "any":
        return policy
    return resolve(policy, "policy", known).prm or "none"


def resolve(
    name_or_path: str,
    role: Role,
    known: Registry | None = None,
    prm_format: str | None = None,
    policy: ModelEntry | None = None,
) -> ModelEntry:
    """The entry that `--policy` or `--prm` means: one of the registry, or one made up for a GGUF file. With a
    `prm_format` for any language model that model is a PRM, whatever else it is; a head makes one of the model that it
    reads, which may be that of the `policy`.
    Loads nothing. Raises UsageError for an unknown name or a model of the other role, ModelError for a head that cannot
    be used."""
    known = known or read()
    if role == "prm" and name_or_path.lower().endswith(SUFFIX):
        return entry_of_head(expand(name_or_path), known, policy, prm_format)
    if name_or_path in known.models or not is_path(name_or_path):
        path = None if name_or_path in known.models else installed(name_or_path)
    else:
        path = expand(name_or_path)
    entry = known.entry(name_or_path) if path is None else _registered(path, known) or _of_file(path, role, known)
    if role == "prm" and prm_format is not None and (entry.role != role or prm_format in known.formats):
        format = known.format(prm_format)
        if format.of == "any":
            return entry.model_copy(update={"role": role, "format": format})
    asked = known.formats.get(prm_format or "", entry.format)
    if role == "prm" and (asked is None or asked.read == "head"):
        entry = with_side_head(entry, known, asked)
    if entry.role != role:
        raise _wrong_role(entry.name, role, known)
    return entry


def installed_entries(known: Registry) -> list[ModelEntry]:
    """Entries made up for files of the models directory that the registry does not have, but for damaged ones."""
    found = []
    for path in all_installed():
        if _registered(path, known) is None:
            with suppress(ModelError):
                found.append(file_entry(path, known))
    return found


def is_path(text: str) -> bool:
    """Does it mean a file, and not the name of a model?"""
    return text.lower().endswith(".gguf") or "/" in text or "\\" in text


def header_of(path: Path) -> Header | None:
    """What a GGUF file says of itself; None where it cannot be read: loading it says what is wrong with it."""
    from tts_cli.engine.gguf_header import read_header

    try:
        return read_header(path)
    except ModelError:
        return None


def lacks_chat_template(entry: ModelEntry) -> bool:
    """Is it a model file without a chat template, so a base model most likely? Loads nothing."""
    path = find_file(entry)
    header = header_of(path) if path is not None else None
    return header is not None and header.chat_template is None


def file_entry(path: Path, known: Registry) -> ModelEntry:
    """The registry's entry for a file, else one made up by what the file says; a PRM says that it is one.
    Raises ModelError for all that is not a whole GGUF model."""
    from tts_cli.engine.gguf_header import read_header

    declared = read_header(path).metadata.get(FORMAT_KEY)
    if (entry := _registered(path, known)) is not None:
        return entry
    entry = with_side_head(_of_file(path, "policy" if declared is None else "prm", known), known, None)
    if entry.head is not None:
        return entry
    return _with_format(entry, declared, None, known)[0] if declared in known.formats else entry


def load_policy(model: str | ModelEntry, *, registry: Registry | None = None, **size: Any) -> LlamaPolicy:
    """Load a policy by name, GGUF file or entry. `size`: as `engine.Engine` takes it (n_ctx, n_seq_max, threads, ..).

    Raises UsageError for an unknown name or a PRM, ModelError for a file that is missing or unfit.

    >>> policy = load_policy("nano", threads=1)
    >>> policy.parameters
    133440
    >>> policy.close()
    """
    from tts_cli.engine import Engine
    from tts_cli.engine.gguf_header import read_header
    from tts_cli.models.backends.llama_cpp import LlamaPolicy

    known = registry or read()
    entry = resolve(model, "policy", known) if isinstance(model, str) else model
    path = locate(entry)
    prompt = _ahead(partial(_policy_prompt, read_header(path), entry, known))
    engine = Engine(path, **size)
    try:
        if FORMAT_KEY in engine.metadata:
            raise _wrong_role(entry.name, "policy", known)
        return LlamaPolicy(engine, entry, prompt())
    except Exception:
        engine.close()
        raise


def _policy_prompt(header: Header, entry: ModelEntry, known: Registry) -> list[str | Hole]:
    """What stands around a problem. Raises ModelError for a chat template that cannot be used."""
    from tts_cli.models.backends.llama_cpp import TEMPLATE_KEY
    from tts_cli.models.prompts import policy_prompt

    metadata = {key: value for key, value in header.metadata.items() if isinstance(value, str)}
    return policy_prompt(metadata.get(TEMPLATE_KEY), entry.prompt or known.prompt_for(entry.name, metadata))


def _ahead(call: Callable[[], T]) -> Callable[[], T]:
    """Start `call` in a thread of its own; what is returned waits for its result, or raises what it raised.
    A chat template's process takes a tenth of a second to start: meanwhile the weights are read."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="ahead", daemon=True).start()
    return future.result


def load_prm(
    model: str | ModelEntry,
    *,
    prm_format: str | None = None,
    registry: Registry | None = None,
    beside: LlamaPolicy | None = None,
    **size: Any,
) -> LlamaPRM:
    """Load a PRM by name, GGUF file or entry. `prm_format` names the format of a bare file; `size` as above.
    `beside`: a policy, whose weights serve both where it is the same file; a head on its states then reads them off
    what it writes.
    Raises UsageError for an unknown name or format, or a policy; ModelError for a file missing or unfit."""
    from tts_cli.engine import Engine
    from tts_cli.models.backends.llama_cpp import LlamaPRM
    from tts_cli.models.backends.own_states import OwnStatesPRM

    known = registry or read()
    entry = resolve(model, "prm", known, prm_format) if isinstance(model, str) else model
    if beside is not None and entry.format is not None and is_on_own_states(entry, beside.entry, known):
        return OwnStatesPRM(beside, entry, entry.format)
    # Its steps fork at every node and bring many tokens at once: what a unified cache is for.
    engine = Engine(locate(entry), layout="unified", share=beside.engine if beside else None, **size)
    try:
        entry, format = _with_format(entry, engine.metadata.get(FORMAT_KEY), prm_format, known)
        if format.of == "any":  # it reads in its own prompt
            style = entry.prompt or known.prompt_for(entry.name, engine.metadata)
            entry = entry.model_copy(update={"prompt": style})
        if entry.head is not None and format.layout == "solution":
            check_prompt(entry, known)
        return LlamaPRM(engine, entry, format)
    except Exception:
        engine.close()
        raise


def _registered(path: Path, known: Registry) -> ModelEntry | None:
    """The registry's entry for this very file, so that what is known of the model is not lost."""
    if not is_file(path):
        return None
    files = ((entry, find_file(entry)) for entry in known.models.values())
    return next((entry for entry, file in files if file is not None and file.samefile(path)), None)


def _of_file(path: Path, role: Role, known: Registry) -> ModelEntry:
    """An entry made up for a file that the registry does not have."""
    header = header_of(path) if role == "policy" else None
    family = known.family_of(path.stem, header.metadata if header else {}) if role == "policy" else None
    return ModelEntry(name=path.stem, role=role, file=str(path.absolute()), family=family)


def _with_format(
    entry: ModelEntry, declared: str | None, asked: str | None, known: Registry
) -> tuple[ModelEntry, PrmFormat]:
    """The format that was asked for, else the entry's, else what the file declares; a bare file's family by it."""
    if entry.format is not None and (asked is None or entry.head is not None):  # a head's has been asked for already
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


def _wrong_role(name: str, wanted: Role, known: Registry) -> UsageError:
    other: Role = "prm" if wanted == "policy" else "policy"
    hint = f"Pass it as `--{other}`, and a {_TITLES[wanted]} as `--{wanted}`."
    if wanted == "prm":
        ways = "|".join(name for name, format in known.formats.items() if format.of == "any")
        hint += f" To let it judge: `--prm-format {ways}`."
    return UsageError(f"The model '{name}' is a {_TITLES[other]} and cannot be used as a {_TITLES[wanted]}.", hint)
