"""From the resolved settings to loaded models and to what the strategy wants to know."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tts_cli.config import Settings
from tts_cli.errors import UsageError

if TYPE_CHECKING:
    from tts_cli.cli.view.live import LiveLimits
    from tts_cli.models.backends.llama_policy import LlamaPolicy
    from tts_cli.models.backends.llama_prm import LlamaPRM
    from tts_cli.models.entry import ModelEntry
    from tts_cli.strategy.paper_table import Known
    from tts_cli.strategy.profile import ModelFile, Profile
    from tts_cli.strategy.settings import SolveSettings


SMALL_FILE = 64 << 20  # bytes
BY_PROFILE = ("auto", "best-of-n")
"""Methods that a profile matters to: it decides what `auto` does, and how sure best-of-n is."""


@dataclass(frozen=True)
class Entries:
    """The registry's entries of the two models; `prm` is None where none is used."""

    policy: ModelEntry
    prm: ModelEntry | None


def entries(chosen: Settings) -> Entries:
    """Which models are meant; loads nothing. Where no PRM is named the policy's own is taken, if the method asks one.

    Raises UsageError.
    """
    from tts_cli.models.load import resolve

    policy = resolve(chosen.policy, "policy")
    asked = chosen.method not in ("greedy", "majority")
    prm = chosen.prm or (asked and policy.prm) or "none"
    return Entries(policy, None if prm == "none" else resolve(prm, "prm"))


def load(
    chosen: Settings, found: Entries, stack: ExitStack, n_seq_max: int = 64
) -> tuple[LlamaPolicy, LlamaPRM | None]:
    """Load both models, each for so many sequences at once; `stack` closes them. Raises ModelError."""
    from tts_cli.models.load import load_policy, load_prm

    policy = load_policy(
        chosen.policy,
        n_ctx=chosen.ctx_size,
        n_seq_max=n_seq_max,
        threads=chosen.threads,
        gpu_layers=chosen.gpu_layers,
    )
    stack.callback(policy.close)
    if found.prm is None:
        return policy, None
    prm = load_prm(
        chosen.prm or found.prm.name,
        prm_format=chosen.prm_format,
        n_ctx=chosen.ctx_size,
        n_seq_max=n_seq_max,
        threads=chosen.threads,
        gpu_layers=chosen.gpu_layers,
    )
    if prm is not None:
        stack.callback(prm.close)
    return policy, prm


def are_small(found: Entries) -> bool:
    """Are both models so small that a problem is solved as fast alone (see strategy.stations)? Raises ModelError."""
    from tts_cli.models.files import locate

    models = [entry for entry in (found.policy, found.prm) if entry is not None]
    return all(locate(entry).stat().st_size <= SMALL_FILE for entry in models)


def known(chosen: Settings, found: Entries, policy: LlamaPolicy, prm: LlamaPRM | None) -> Known:
    """What `auto` may go by; a bare file's family shows only when it is loaded. Raises UsageError (see `profile`)."""
    from tts_cli.strategy.paper_table import Known

    measured: Profile | None = None
    remark = None
    if chosen.method in BY_PROFILE:
        measured, remark = profile(chosen, found, policy.parameters, prm.parameters if prm else 0)
    return Known(policy.entry.family, prm.entry.family if prm else None, profile=measured, remark=remark)


def profile(
    chosen: Settings, found: Entries, policy_parameters: int, prm_parameters: int
) -> tuple[Profile | None, str | None]:
    """The profile that was made with these model files, and a remark on one that was made with others of these names.

    Raises UsageError where --profile names a file that is no profile, or not one of these models.
    """
    from tts_cli.strategy.profile import differs, fitting, read, samples_as

    if found.prm is None or chosen.profile == "none":
        return None, None
    policy, prm = model_file(found.policy, policy_parameters), model_file(found.prm, prm_parameters)
    if chosen.profile is None:
        return fitting(profile_files(), policy, prm, samples_as(solve_settings(chosen, found)))
    path = Path(chosen.profile).expanduser()
    asked = read(path)
    why_not = differs(asked, policy, prm, samples_as(solve_settings(chosen, found)))
    if why_not is not None:
        raise UsageError(f"The profile {path} cannot be used: {why_not}.", "Make one with `tts calibrate DATASET`.")
    return asked, None


def model_file(entry: ModelEntry, parameters: int) -> ModelFile:
    """Raises ModelError."""
    from tts_cli.data.fingerprint import of_file
    from tts_cli.models.files import locate
    from tts_cli.strategy.profile import ModelFile

    return ModelFile(name=entry.name, content=of_file(locate(entry)), parameters=parameters)


def profiles_dir() -> Path:
    """Where `tts calibrate` puts profiles: TTS_PROFILES_DIR, else `profiles` in the user's data directory."""
    from platformdirs import user_data_dir

    override = os.environ.get("TTS_PROFILES_DIR")
    return Path(override).expanduser() if override else Path(user_data_dir("tts")) / "profiles"


def profile_files() -> list[Path]:
    """The user's own, then those that ship."""
    from tts_cli.models.files import PACKAGED

    return [path for place in (profiles_dir(), PACKAGED / "profiles") for path in sorted(place.glob("*.yaml"))]


def solve_settings(chosen: Settings, found: Entries) -> SolveSettings:
    """What was set, else what suits the policy, else the defaults. Raises UsageError."""
    from tts_cli.protocols import Sampling
    from tts_cli.strategy.settings import SolveSettings

    own, default = found.policy.sampling, Sampling()
    sampling = Sampling(
        temperature=_first(chosen.temperature, own.temperature, default.temperature),
        top_p=_first(chosen.top_p, own.top_p, default.top_p),
        max_step_tokens=int(_first(chosen.max_step_tokens, own.max_step_tokens, default.max_step_tokens)),
    )
    return SolveSettings(
        method=chosen.method,
        budget=chosen.budget,
        beam_width=chosen.beam_width,
        aggregate=chosen.aggregate,
        select=chosen.select,
        sampling=sampling,
        max_steps=chosen.max_steps,
        max_tokens=chosen.max_tokens,
        effort=chosen.effort,
        max_time=chosen.max_time,
        max_flops=chosen.max_flops,
        min_confidence=chosen.min_confidence,
        seed=chosen.seed,
        verify=chosen.verify,
    )


def limits(chosen: Settings, known: Known, policy: LlamaPolicy, prm: LlamaPRM | None) -> LiveLimits:
    """What the live tree's footer counts down to, and how answers lead in it."""
    from tts_cli.cli.view.live import LiveLimits

    return LiveLimits(
        select=known.profile.vote.select if known.profile and chosen.method == "auto" else chosen.select,
        max_time=chosen.max_time,
        max_flops=chosen.max_flops,
        policy_parameters=policy.parameters,
        prm_parameters=prm.parameters if prm is not None else 0,
    )


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
