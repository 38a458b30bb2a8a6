"""Read-outs: what of a decode a PRM's score is read off, and how. Apart from the layout, which says what is decoded.

One kind is covered, the token pair. A head on hidden states would be a class with the same two methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

from tts_cli.models.prm.formats import PrmFormat, one_token

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tts_cli.engine import Vocab


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

    def score(self, logits: NDArray[np.float32]) -> float:
        """From logits [marks, n_vocab] to a step's score in [0, 1]."""
        good, bad = float(logits[0, self.good]), float(logits[0, self.bad])
        if good >= bad:  # of two ways to write it the one that cannot overflow
            return 1 / (1 + exp(bad - good))
        return exp(good - bad) / (1 + exp(good - bad))
