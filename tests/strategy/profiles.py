"""A profile made by hand, in which only the first feature, agreement, counts."""

from __future__ import annotations

from typing import Any

from tts_cli.config import Settings
from tts_cli.strategy.features import FEATURES, Observation
from tts_cli.strategy.logistic import Logistic
from tts_cli.strategy.profile import Data, LaterStage, ModelFile, Profile, Stage, samples_as

COUNT = len(FEATURES)
POLICY = ModelFile(name="p", content="aa", parameters=10)
PRM = ModelFile(name="r", content="bb", parameters=30)


def logistic(bias: float, weight: float) -> Logistic:
    """P = sigmoid(bias + weight x agreement)."""
    return Logistic(bias=bias, weights=(weight, *[0.0] * (COUNT - 1)), centre=(0.0,) * COUNT, scale=(1.0,) * COUNT)


def values(agreement: float) -> tuple[float, ...]:
    """Nothing but agreement was seen."""
    return (agreement, *[0.0] * (COUNT - 1))


def observation(samples: int, agreement: float, *, read: bool = True, convinced: bool = False) -> Observation:
    return Observation(samples, "1", values(agreement), read, convinced)


def stage(samples: int, later: dict[str, Logistic], *, read: bool = True) -> Stage:
    """Right: 12 % where no two agree, 98 % where all do. A sample costs 100 FLOPs, and so does its reading."""
    own = _cost(samples, read)
    prospects = {
        name: LaterStage(flops=_cost(int(name.split()[0]), name.endswith("read")) - own, right=right)
        for name, right in later.items()
    }
    solved = logistic(-3, 5) if samples == 4 else None
    return Stage(samples=samples, read=read, flops=own, right=RIGHT, later=prospects, solved=solved)


def _cost(samples: int, read: bool) -> float:
    return 100.0 * samples * (1 + read)


RIGHT = logistic(-2, 6)
BETTER = logistic(-1, 5)  # 27 % and 98 %: more samples help where there is doubt
CONVINCED = logistic(3, 0)  # 95 %


def profile(**changes: Any) -> Profile:
    """Stages of 4, 8 and 16 samples; `changes` are made to its fields."""
    fields: dict[str, Any] = {
        "format": "tts-profile",
        "version": 3,
        "tts": "0",
        "made": "2026-01-02",
        "data": Data(name="d", problems=3, content="cc"),
        "policy": POLICY,
        "prm": PRM,
        "settings": samples_as(Settings()),
        "start": "prefix",
        "vote": {"aggregate": "min", "select": "max"},
        "features": FEATURES,
        "stages": (
            stage(4, {"4 read": RIGHT, "8 read": RIGHT, "16 read": BETTER}, read=False),
            stage(4, {"8 read": RIGHT, "16 read": BETTER}),
            stage(8, {"16 read": BETTER}),
            stage(16, {}),
        ),
        "convinced": CONVINCED,
        "best_of_n": {4: RIGHT, 8: RIGHT, 16: RIGHT},
        "solution_flops": 400.0,
        "figures": {},
    }
    return Profile(**fields | changes)
