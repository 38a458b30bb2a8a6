"""How sure an answer is, on what that rests, and whether it is enough for `--min-confidence`.

What may stand behind an answer, the strongest first:

- a proof: it was put into the problem (`--verify`) and fits, or all answers were found wrong;
- a profile: the chance, measured on labelled problems, that such an answer is right;
- a vote of several finished samples: the winning class's share (`of_vote`). It is not calibrated: 0.9 does not mean
  right nine times in ten.

Where there is none of these there is no confidence: one sample always agrees with itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tts_cli.answers import Aggregate, Select, VoteClass
from tts_cli.answers.vote import votes_needed


@dataclass(frozen=True, slots=True)
class Confidence:
    """`value` in [0, 1], by `basis`. `voters`: of a vote, the finished samples with an answer."""

    value: float
    basis: Literal["proof", "profile", "vote"]
    voters: int = 0


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why an answer does not pass `--min-confidence`: its confidence is `below` the `wanted` one; it is `proved wrong`;
    there is `no confidence`; or its vote has too few `voters`, and `needed` would do (None: no vote would)."""

    wanted: float
    because: Literal["below", "proved wrong", "no confidence", "few votes"]
    voters: int = 0
    needed: int | None = None


def of_vote(
    votes: Sequence[VoteClass], select: Select, voters: int, *, how: Aggregate = "last", dropped: int = 0
) -> Confidence | None:
    """The first class's share. None with fewer than two `voters`. What it is a share of goes by the kind of judge:

    - votes, where they decide or no score is above 0: of what the votes count;
    - scores that are chances (a PRM, a yes/no judge, a head): of their sum;
    - products of step scores (a reader; `how`): such weights differ by powers of ten, and the heaviest takes nearly
      all. The mean of both shares (Brier score 0.090 for 0.129, 500 problems of nano read by nano-large).

    Samples that the calculator `dropped` count as one vote against it, all together: those that are left may agree in
    an error, but each one against it would be too many. Majority of 16, calibration error and Brier score where they
    count as nothing, as one, each: 0.083, 0.055, 0.047 and 0.091, 0.093, 0.135 (nano, 500 problems, on which it was
    chosen); 0.054, 0.036, 0.059 and 0.050, 0.048, 0.071 (nano-medium, 250 problems, afterwards).
    """
    if voters < 2:
        return None
    total = sum(v.weight for v in votes)
    share = votes[0].trust / sum(v.trust for v in votes)
    if select != "majority" and total > 0:
        weight = min(1.0, votes[0].weight / total)
        share = (share + weight) / 2 if how == "prod" else weight
    return Confidence(share * voters / (voters + (dropped > 0)), "vote", voters)


def shortfall(confidence: Confidence | None, wanted: float) -> Shortfall | None:
    """What an answer lacks for `--min-confidence`, a chance or share in [0, 1]; None where it passes.

    A vote passes with that share, and with as many finished samples as it takes to support it (`votes_needed`).

    >>> shortfall(Confidence(1.0, "vote", voters=8), 0.9)
    >>> shortfall(Confidence(1.0, "vote", voters=7), 0.9)
    Shortfall(wanted=0.9, because='few votes', voters=7, needed=8)
    """
    if confidence is None:
        return Shortfall(wanted, "no confidence")
    if confidence == Confidence(0.0, "proof"):
        return Shortfall(wanted, "proved wrong")
    if confidence.value < wanted:
        return Shortfall(wanted, "below")
    needed = votes_needed(wanted)
    if confidence.basis == "vote" and (needed is None or confidence.voters < needed):
        return Shortfall(wanted, "few votes", confidence.voters, needed)
    return None
