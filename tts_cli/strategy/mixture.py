"""A mixture of judges: how much a solution's vote weighs, from all that is known of it at once.

    weight = score^prm x likelihood^likelihood x exp(-calculator x slips)

that is, a log-linear mixture (Genest & Zidek 1986): `score` is what the PRM makes of the solution, `likelihood` what
the policy itself gave it at temperature 1, `slips` how many false equalities were drawn in the places of its steps and
drawn again. An exponent of 0 leaves a judge out; all 0 is the majority's vote, and the larger one is, the more the best
solution decides alone. `tts calibrate` learns the exponents (evaluation/mixture_fit.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum, log
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field

from tts_cli.answers import Aggregate, Select
from tts_cli.search.context import Solution
from tts_cli.search.tree import Node, path_to, score_of

JUDGES = ("prm", "likelihood", "calculator")
"""Those that may be mixed, as `evidence` has them."""

_LEAST = 1e-9
"""Scores below it count as this, so that a score of 0 has a logarithm; products of many steps come near it."""


class Mixture(BaseModel):
    """The exponents, each at least 0. `aggregate`: how step scores become the PRM's score of a solution."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    aggregate: Aggregate
    prm: float = Field(default=0.0, ge=0)
    likelihood: float = Field(default=0.0, ge=0)
    calculator: float = Field(default=0.0, ge=0)

    @property
    def vote(self) -> tuple[Aggregate, Select]:
        """The rest of how solutions vote."""
        return self.aggregate, "weighted"

    @property
    def exponents(self) -> tuple[float, ...]:
        """In the order of JUDGES."""
        return (self.prm, self.likelihood, self.calculator)

    def weights(self, ballots: Sequence[Solution]) -> list[float]:
        """One for each solution that votes, in [0, 1]: relative to the heaviest, which weighs 1."""
        rows = evidence(ballots, self.aggregate)
        logs = [fsum(a * x for a, x in zip(self.exponents, row, strict=True)) for row in rows]
        return [exp(one - max(logs)) for one in logs]


def evidence(ballots: Sequence[Solution], how: Aggregate) -> list[tuple[float, ...]]:
    """What each judge says of each solution, as logarithms of factors of its weight. A solution that the PRM has not
    scored, or not all of it, counts as those that it has on average; without any the PRM says nothing."""
    scores = [score_of(ballot.node.scores, how) for ballot in ballots]
    logs = [None if score is None else log(max(score, _LEAST)) for score in scores]
    mean = fmean([one for one in logs if one is not None] or [0.0])
    return [
        (mean if one is None else one, fsum(node.logprob for node in path_to(ballot.node)), -float(_slips(ballot.node)))
        for one, ballot in zip(logs, ballots, strict=True)
    ]


def _slips(node: Node) -> int:
    """Steps that the calculator refuted in this solution, or that its sample drew first in the place of one of its
    steps: their random streams differ in the last number alone."""
    beside = [(step, other) for step in path_to(node) if step.parent for other in step.parent.children.values()]
    return sum(other.refuted is not None and other.path[:-1] == step.path[:-1] for step, other in beside)
