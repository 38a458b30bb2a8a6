"""Read-outs: what of a decode a PRM's score is read off, and how. Apart from the layout, which says what is decoded.

One kind is covered, the token pair. A head on hidden states would be a class with the same two methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

from tts_cli.models.prm.formats import PrmFormat, one_token

if TYPE_CHECKING:
    from tts_cli.engine import Evaluated, ReadOut, Vocab


@dataclass(frozen=True, slots=True)
class TokenPair:
    """The score is the softmax over the LM-head logits of two tokens, which stand for a good and for a bad step.
    So the cards of Math-Shepherd, of RLHFlow's PRMs and of VersaPRM have it."""

    good: int
    bad: int

    @staticmethod
    def of(format: PrmFormat, vocab: Vocab) -> TokenPair:
        """The two tokens that a format names. Raises ModelError where the vocabulary does not have them."""
        return TokenPair(
            good=one_token(vocab, "good-step token", format.good, format.good_ids),
            bad=one_token(vocab, "bad-step token", format.bad, format.bad_ids),
        )

    def marks(self, length: int) -> list[int]:
        """Which of a step's tokens (`length` of them) it needs the logits of, as indexes: the last one."""
        return [length - 1]

    @property
    def wanted(self) -> ReadOut:
        """What it needs of each mark: the logits of its two tokens."""
        from tts_cli.engine import ReadOut

        return ReadOut(tokens=(self.good, self.bad))

    def score(self, read: Evaluated) -> float:
        """From what was read [1, 2] to a step's score in [0, 1]."""
        good, bad = map(float, read.logits[0])
        if good >= bad:  # of two ways to write it the one that cannot overflow
            return 1 / (1 + exp(bad - good))
        return exp(good - bad) / (1 + exp(good - bad))
