"""A logistic model in plain numbers: what a profile keeps, and all that solving needs of it.

It is fitted in evaluation/fit.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scale = Annotated[float, Field(gt=0)]


class Logistic(BaseModel):
    """P = 1 / (1 + exp(-(bias + sum of weight x (value - centre) / scale))), one of each for every value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    bias: float
    weights: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[Scale, ...]

    @model_validator(mode="after")
    def _of_one_length(self) -> Logistic:
        if not len(self.weights) == len(self.centre) == len(self.scale):
            raise ValueError("weights, centre and scale are of different lengths")
        return self

    def __call__(self, values: Sequence[float]) -> float:
        """Raises ValueError where the number of values is not that of the weights."""
        rows = zip(self.weights, values, self.centre, self.scale, strict=True)
        return sigmoid(self.bias + sum(w * (value - c) / s for w, value, c, s in rows))


def sigmoid(x: float) -> float:
    """Without overflow."""
    return 1 / (1 + exp(-x)) if x >= 0 else exp(x) / (1 + exp(x))
