"""From the resolved settings to loaded models and to what the strategy wants to know."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tts_cli.cli.settings import Settings

if TYPE_CHECKING:
    from tts_cli.cli.view.live import Limits
    from tts_cli.models.entry import ModelEntry
    from tts_cli.models.policy import LlamaPolicy
    from tts_cli.models.reward_model import LlamaPRM
    from tts_cli.strategy.settings import SolveSettings
    from tts_cli.strategy.static import Known


SMALL_FILE = 64 << 20  # bytes


@dataclass(frozen=True)
class Entries:
    """The registry's entries of the two models; `prm` is None where none is used."""

    policy: ModelEntry
    prm: ModelEntry | None


def entries(chosen: Settings) -> Entries:
    """Which models are meant; loads nothing. The policy's own PRM is taken where none is named. Raises UsageError."""
    from tts_cli.models.load import resolve

    policy = resolve(chosen.policy, "policy")
    prm = chosen.prm or policy.prm or "none"
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


def known(policy: LlamaPolicy, prm: LlamaPRM | None) -> Known:
    """What the static rule may go by; a bare file's family shows only when it is loaded."""
    from tts_cli.strategy.static import Known

    return Known(policy_family=policy.entry.family, prm_family=prm.entry.family if prm else None)


def solve_settings(chosen: Settings, found: Entries) -> SolveSettings:
    """What was set, else what suits the policy, else the defaults. Raises UsageError."""
    from tts_cli.models.protocols import Sampling
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


def limits(chosen: Settings, policy: LlamaPolicy, prm: LlamaPRM | None) -> Limits:
    """What the live tree's footer counts down to."""
    from tts_cli.cli.view.live import Limits

    return Limits(
        select=chosen.select,
        max_time=chosen.max_time,
        max_flops=chosen.max_flops,
        policy_parameters=policy.parameters,
        prm_parameters=prm.parameters if prm is not None else 0,
    )


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)
