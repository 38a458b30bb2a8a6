"""A profile made by hand, in which only the first feature, agreement, counts."""

from __future__ import annotations

from typing import Any

from tts_cli.strategy.evidence import FEATURES, Evidence
from tts_cli.strategy.logistic import Logistic
from tts_cli.strategy.profile import Data, ModelFile, Profile, SearchFacts, Stage, samples_as
from tts_cli.strategy.settings import SolveSettings

COUNT = len(FEATURES)
POLICY = ModelFile(name="p", content="aa", parameters=10)
PRM = ModelFile(name="r", content="bb", parameters=30)


def logistic(bias: float, weight: float) -> Logistic:
    """P = sigmoid(bias + weight x agreement)."""
    return Logistic(bias=bias, weights=(weight, *[0.0] * (COUNT - 1)), centre=(0.0,) * COUNT, scale=(1.0,) * COUNT)


def evidence(samples: int, agreement: float) -> Evidence:
    return Evidence(samples, "1", (agreement, *[0.0] * (COUNT - 1)))


def stage(samples: int, later: dict[int, Logistic], searches: dict[str, Logistic]) -> Stage:
    """Right: 12 % where no two agree, 98 % where all do. A sample costs 100 FLOPs."""
    return Stage(samples=samples, flops=100.0 * samples, right=RIGHT, later=later, searches=searches)


RIGHT = logistic(-2, 6)
BETTER = logistic(-1, 5)  # 27 % and 98 %: more samples help where there is doubt
BEST = logistic(0.5, 3.5)  # 62 % and 98 %


def profile(**changes: Any) -> Profile:
    """Stages at 4, 8 and 16; `changes` are made to its fields."""
    fields: dict[str, Any] = {
        "format": "tts-profile",
        "version": 1,
        "tts": "0",
        "made": "2026-01-02",
        "data": Data(name="d", problems=3, content="cc"),
        "policy": POLICY,
        "prm": PRM,
        "settings": samples_as(SolveSettings()),
        "features": FEATURES,
        "solved": logistic(-3, 5),
        "stages": (stage(4, {8: RIGHT, 16: BETTER}, {}), stage(8, {16: BETTER}, {}), stage(16, {}, {})),
        "searches": {},
        "figures": {},
    }
    return Profile(**fields | changes)


def with_search() -> Profile:
    """After four samples, beam search with N = 16 is best; it costs as much as twelve samples."""
    first = stage(4, {8: RIGHT, 16: BETTER}, {"beam 16": BEST})
    facts = {"beam 16": SearchFacts(flops=1200.0, right=logistic(1, 0))}
    return profile(stages=(first, stage(8, {16: BETTER}, {"beam 16": BEST}), stage(16, {}, {})), searches=facts)
