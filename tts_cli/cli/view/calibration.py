"""The figures of a profile as tables. Reads what the calibration found, computes nothing but percent and units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tts_cli.cli.view import parts
from tts_cli.cli.view.tables import Table

if TYPE_CHECKING:
    from tts_cli.strategy.profile import Profile

_KINDS = ("easy", "medium", "hard")


def profile_tables(profile: Profile) -> list[Table]:
    """What each method and N reach, what `auto` makes of it, and how well it tells difficulty."""
    data = profile.data
    title = f"{parts.one_line(data.name)}: {data.problems} problems, {profile.policy.name} + {profile.prm.name}"
    return [_methods(profile, title), _efforts(profile)]


def _methods(profile: Profile, title: str) -> Table:
    counts = profile.figures["difficulty"]["problems"]
    rows = [
        [name, _percent(row["right"]), parts.human(row["flops"]), *[_share(row, kind) for kind in _KINDS]]
        for name, row in profile.figures["fixed"].items()
    ]
    kinds = [f"{kind} ({counts[kind]})" for kind in _KINDS]
    paid = ", ".join(profile.searches) or "none"
    note = f"Easy, medium, hard: as told from the first samples. Searches better than as many samples: {paid}."
    return Table(title, ("method N", "% right (95 %)", "FLOPs", *kinds), rows, note=note)


def _efforts(profile: Profile) -> Table:
    rows = [[name, *_effort(row)] for name, row in profile.figures["efforts"].items()]
    told = profile.figures["difficulty"]["rank_correlation"] or 0.0
    note = (
        "On problems that the profile was not fitted to (ten folds). Rank correlation of difficulty, as told and as it "
    )
    note += f"is: {told:.2f}."
    header = ("auto, effort", "% right (95 %)", "FLOPs", "samples", "confidence off by")
    return Table("What auto makes of the same samples", header, rows, note=note)


def _effort(row: dict[str, Any]) -> list[str]:
    off = f"{row['calibration_error']:.3f}"
    return [_percent(row["right"]), parts.human(row["flops"]), f"{row['samples']:.1f}", off]


def _share(row: dict[str, Any], kind: str) -> str:
    part = row["by_difficulty"].get(kind)
    return f"{100 * part['value']:.0f}" if part else ""


def _percent(right: dict[str, float]) -> str:
    return f"{100 * right['value']:.1f} ({100 * right['low']:.0f}-{100 * right['high']:.0f})"
