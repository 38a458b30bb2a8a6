"""Read-outs: what of a decode a PRM's score is read off, and how. Apart from the layout, which says what is decoded.

A read-out is a `StepReadOut`: of the tokens of a step it names those rows that it wants to read and what of them, and
it makes a score of what was read. Heads that were trained here read more of a step: they are in heads.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, fsum, isfinite, log
from typing import TYPE_CHECKING, Protocol

from tts_cli.errors import ModelError
from tts_cli.models.prm.formats import PrmFormat, StepTokens, one_token

if TYPE_CHECKING:
    from tts_cli.engine import Evaluated, ReadOut, Vocab
    from tts_cli.models.prm.likelihoods import StepLikelihood
    from tts_cli.models.prm.published_head import PublishedHead


class StepReadOut(Protocol):
    """From a step's tokens to its score."""

    def asks(self, step: StepTokens) -> tuple[Sequence[int], ReadOut]:
        """Which rows of `step.suffix` (of `step.kept` where there is none) are read, as indexes, and what of them; a
        negative index counts back from the end of `step.kept`, before the suffix."""
        ...

    def score(self, read: Evaluated, step: StepTokens, before: StepLikelihood | None) -> ReadScore:
        """Raises ModelError for what is no number. `before`: what was carried here from the step before."""
        ...


@dataclass(frozen=True, slots=True)
class ReadScore:
    """`value`: in [0, 1]. `carried`: what the score of the next step depends on, if anything. `spread`: how far the
    members of an ensemble differ, as a standard deviation."""

    value: float
    carried: StepLikelihood | None = None
    spread: float = 0.0


def read_out_of(format: PrmFormat, vocab: Vocab) -> StepReadOut:
    """Of a model with this format, but for heads. Raises ModelError where its vocabulary lacks the tokens for it."""
    return _KINDS[format.read](format, vocab)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """The score is the softmax over the LM-head logits of two tokens, which stand for a good and for a bad step.
    So the cards of Math-Shepherd, of RLHFlow's PRMs and of VersaPRM have it. A side may have several tokens, for
    spellings of one answer: then it is the share of that side's probability in that of both."""

    good: tuple[int, ...]
    bad: tuple[int, ...]

    @staticmethod
    def of(format: PrmFormat, vocab: Vocab) -> TokenPair:
        """The tokens that a format names. Raises ModelError where the vocabulary does not have them."""
        return TokenPair(
            good=_tokens(vocab, "good-step token", format.good, format.good_ids),
            bad=_tokens(vocab, "bad-step token", format.bad, format.bad_ids),
        )

    def asks(self, step: StepTokens) -> tuple[Sequence[int], ReadOut]:
        """The logits of its tokens, at the last row."""
        from tts_cli.engine import ReadOut

        return [len(step.suffix or step.kept) - 1], ReadOut(tokens=self.good + self.bad)

    def score(self, read: Evaluated, step: StepTokens, before: StepLikelihood | None) -> ReadScore:
        """From the logits that were read, [1, tokens]."""
        logits = list(map(float, read.logits[0]))
        if not all(map(isfinite, logits)):
            raise _no_number()
        good, bad = _log_sum(logits[: len(self.good)]), _log_sum(logits[len(self.good) :])
        if good >= bad:  # of two ways to write it the one that cannot overflow
            return ReadScore(1 / (1 + exp(bad - good)))
        return ReadScore(exp(good - bad) / (1 + exp(good - bad)))


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The score is the probability of a step's tokens, of those alone whose text holds a match of `over`: 1 where there
    are none. So the product over steps is that of the solution.

    A separator belongs to the step that it ends, and counts where it matches.
    """

    vocab: Vocab
    over: re.Pattern[str]

    @staticmethod
    def of(format: PrmFormat, vocab: Vocab) -> Likelihood:
        """Raises ModelError where no token of the vocabulary counts."""
        found = Likelihood(vocab, re.compile(format.over))
        if not any(map(found.counts, range(vocab.n_tokens))):
            raise ModelError(
                f"The model cannot be read as a PRM of this format: none of its tokens matches {format.over!r}.",
                "Give another model, or another `--prm-format`.",
            )
        return found

    def counts(self, token: int) -> bool:
        """Is its probability a part of the score?"""
        return self.over.search(self.vocab.piece(token).decode("utf-8", "replace")) is not None

    def asks(self, step: StepTokens) -> tuple[Sequence[int], ReadOut]:
        """The log-probabilities of the tokens that count, each at the row before it."""
        from tts_cli.engine import ReadOut

        tokens = [*step.kept, *step.held]
        places = [place for place in range(max(1, step.begin), len(tokens)) if self.counts(tokens[place])]
        following = tuple(tokens[place] for place in places)
        return [place - 1 for place in places], ReadOut(tokens=(), following=following)

    def score(self, read: Evaluated, step: StepTokens, before: StepLikelihood | None) -> ReadScore:
        """From the log-probabilities that were read, [tokens]."""
        return ReadScore(exp(min(0.0, fsum(read.logprobs))))


@dataclass(frozen=True, slots=True)
class PublishedReadOut:
    """The score is what a published head makes of the state after the final norm at the last row: of Qwen2.5-Math-PRM,
    Skywork-o1-Open-PRM, ActPRM and others (published_head.py)."""

    head: PublishedHead

    def asks(self, step: StepTokens) -> tuple[Sequence[int], ReadOut]:
        """The state at the last row; where a step brings no token, at the one before it."""
        from tts_cli.engine import ReadOut

        return [len(step.suffix or step.kept) - 1], ReadOut(tokens=(), hidden=True)

    def score(self, read: Evaluated, step: StepTokens, before: StepLikelihood | None) -> ReadScore:
        """From the state that was read, [1, n_embd]."""
        found = self.head.score(read.hidden[0])
        return ReadScore(found.value, spread=found.spread)


_KINDS: dict[str, Callable[[PrmFormat, Vocab], StepReadOut]] = {"pair": TokenPair.of, "likelihood": Likelihood.of}


def _tokens(vocab: Vocab, what: str, spellings: str | tuple[str, ...], allowed: tuple[int, ...]) -> tuple[int, ...]:
    """A single spelling must be one token; of several those that are not are left out."""
    if isinstance(spellings, str):
        return (one_token(vocab, what, spellings, allowed),)
    ids = dict.fromkeys(map(vocab.id_of, spellings))  # each once
    found = tuple(token for token in ids if token is not None and (not allowed or token in allowed))
    if not found:
        listed = ", ".join(map(repr, spellings))
        raise ModelError(
            f"The model is a judge without the answer tokens: none of {listed} is one token of its vocabulary.",
            "Give another model, or another `--prm-format`.",
        )
    return found


def _log_sum(logits: Sequence[float]) -> float:
    """The logarithm of the sum of their exponentials."""
    top = max(logits)
    return top + log(fsum(exp(logit - top) for logit in logits))


def _no_number() -> ModelError:
    return ModelError("the model's output is not a number", "The file is damaged or badly converted: get another.")
