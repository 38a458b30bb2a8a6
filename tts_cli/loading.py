"""From settings to models and their profile: which are meant, and loading them.

settings ── models_of (registry) ── effective settings, profile ── load_models
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_cli.config import Settings
from tts_cli.errors import UsageError
from tts_cli.models.load import ModelPair, load_policy, load_prm, resolve_pair
from tts_cli.paths import PACKAGED, profiles_dir
from tts_cli.search.methods import find
from tts_cli.solving import wording

if TYPE_CHECKING:
    from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
    from tts_cli.models.registry import ModelEntry
    from tts_cli.strategy.profile import ModelFile, Profile, Unfit

SEQUENCES = 64
"""Of each model: what is decoded together at most."""

BY_PROFILE = ("auto", "best-of-n")
"""Methods that a profile matters to: it decides what `auto` does, and gives best-of-n its confidence."""


def models_of(settings: Settings, *, with_prm: bool = True) -> ModelPair:
    """Which models are meant; loads nothing. Where no PRM is named it is the policy's own, if the method asks one.

    Raises UsageError.
    """
    asks = settings.method == "auto" or find(settings.method).needs_prm
    prm = settings.prm if with_prm else "none"
    return resolve_pair(settings.policy, prm, own_prm=asks, prm_format=settings.prm_format)


def effective(settings: Settings, models: ModelPair) -> Settings:
    """What was set, else what suits the policy and the PRM."""
    format = models.prm.format if models.prm else None
    aggregate = (format.aggregate if format else None) or settings.aggregation
    return settings.with_defaults(**models.policy.sampling.model_dump(), aggregate=aggregate)


def load_models(
    settings: Settings,
    models: ModelPair,
    stack: ExitStack,
    sequences: int = SEQUENCES,
    on_note: Callable[[str], None] = lambda note: None,
) -> tuple[LlamaPolicy, LlamaPRM | None]:
    """Load both models, each for so many sequences at once; `stack` closes them. Raises ModelError, and UsageError
    where both together cannot fit into memory; `on_note` is called where the context was made smaller for it."""
    from tts_cli.models.room import find_room

    size: dict[str, Any] = {
        "threads": settings.threads,
        "gpu_layers": settings.gpu_layers,
        "n_seq_max": sequences,
    }
    room = find_room(models.loaded, n_ctx=settings.ctx_size, **size)
    if room.note is not None:
        on_note(room.note)
    policy = load_policy(models.policy, registry=models.registry, n_ctx=room.n_ctx[0], **size)
    stack.callback(policy.close)
    _note_fallback(policy, on_note)
    if models.prm is None:
        return policy, None
    prm = load_prm(
        models.prm,
        registry=models.registry,
        prm_format=settings.prm_format,
        beside=policy,
        n_ctx=room.n_ctx[-1],
        **size,
    )
    stack.callback(prm.close)
    _note_fallback(prm, on_note)
    return policy, prm


def _note_fallback(model: LlamaPolicy | LlamaPRM, on_note: Callable[[str], None]) -> None:
    if model.engine.lacks_flash_attention:
        on_note(f"note: llama.cpp has no flash attention for {model.name}: it runs without, more slowly.")


def find_profile(
    settings: Settings, models: ModelPair, policy_parameters: int, prm_parameters: int | None
) -> tuple[Profile | None, Unfit | None]:
    """The profile that was made with these model files (without a PRM: with the policy's alone), or else one that was
    made for models of these names. Raises UsageError where the settings name a file that is no profile, or not one of
    these models.
    """
    from tts_cli.strategy.profile import differs, fitting, read, samples_as

    if settings.profile == "none":
        return None, None
    policy = model_file(models.policy, policy_parameters)
    prm = model_file(models.prm, prm_parameters or 0) if models.prm else None
    samples = samples_as(effective(settings, models))
    if settings.profile is None:
        return fitting(profile_files(), policy, prm, samples)
    path = Path(settings.profile).expanduser()
    asked = read(path)
    mismatch = differs(asked, policy, prm, samples)
    if mismatch is not None:
        why = wording.of_mismatch(mismatch)
        raise UsageError(f"The profile {path} cannot be used: {why}.", "Make one with `tts calibrate DATASET`.")
    return asked, None


def model_file(entry: ModelEntry, parameters: int) -> ModelFile:
    """What a profile says of a model; of one that is a PRM by its format, both. Raises ModelError."""
    from tts_cli.data.fingerprint import of_settings
    from tts_cli.models.content import of_file
    from tts_cli.models.registry import locate
    from tts_cli.strategy.profile import ModelFile

    content = of_file(locate(entry))
    if entry.format is not None and (entry.format.of == "any" or entry.format.head):
        content = of_settings({"file": content, **entry.format.model_dump(mode="json")})
    return ModelFile(name=entry.name, content=content, parameters=parameters)


def profile_files() -> list[Path]:
    """The user's own, then those that ship."""
    return [path for place in (profiles_dir(), PACKAGED / "profiles") for path in sorted(place.glob("*.yaml"))]
