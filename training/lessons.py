"""What a PRM is taught: the verdict after each step, which is what it is for, and denser lessons that lead there.

`surprise`, at every token of a solution: how unlikely the base finds it (read below the last block). `slip`: is this
very token the first wrong one? Right and wrong tokens weigh the same (read there too). `sound`, read at the end: is
all right up to here? The heads of the three are trained along and are no part of the model that is saved for use.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.model import Llama, run
from training.packing import IGNORE, attention_mask, parents

MOST_SURPRISE = 8.0  # nats; beyond it a token is just wrong
UNIT = 4.0  # nats, so that targets are about 1
SOUND_WEIGHT = 0.5


class Lessons(nn.Module):
    """`base`: the language model in the lower blocks of the PRM; `pair`: the ids of "-" and "+"."""

    def __init__(self, base: Llama, width: int, pair: list[int]) -> None:
        super().__init__()
        self.blocks, self.width = base.shape.layers, base.shape.width
        self.register_buffer("to_logits", base.embedding.weight.detach() * base.norm.weight.detach(), persistent=False)
        self.register_buffer("pair", torch.tensor(pair), persistent=False)
        self.surprise = nn.Linear(width, 1)
        self.slip, self.sound = nn.Linear(width, 2, bias=False), nn.Linear(width, 2, bias=False)

    def forward(self, model: Llama, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """The losses, each a mean over its tokens."""
        positions = batch["positions"]
        mask = attention_mask(positions, batch["branch"], batch["fork"], batch["doc"])
        with torch.no_grad():
            low = run(model.blocks[: self.blocks], model.embedding(batch["tokens"]), positions, mask)
            expected = self._surprise(low, batch["tokens"], parents(positions, mask))
        tapped = run(model.blocks[self.blocks : -1], low, positions, mask)
        states = model.norm(run(model.blocks[-1:], tapped, positions, mask))
        tapped = F.rms_norm(tapped, tapped.shape[-1:])
        return {
            "surprise": self._surprise_loss(tapped, expected, batch),
            "slip": self._slip_loss(tapped, batch["slip"]),
            "sound": SOUND_WEIGHT * _cross_entropy(self.sound(states), batch["sound"]),
            "verdict": _cross_entropy(F.linear(states, model.embedding.weight[self.pair]), batch["verdicts"]),
        }

    def _surprise(self, low: Tensor, tokens: Tensor, before: Tensor) -> Tensor:
        """B T: minus the log-likelihood, in units, of each token after the one before it."""
        states = F.rms_norm(low[..., : self.width], (self.width,))
        logs = F.linear(states, self.to_logits).float().log_softmax(-1)  # B T V
        rows = torch.arange(len(tokens))[:, None]
        return -logs[rows, before, tokens].clamp(min=-MOST_SURPRISE) / UNIT

    def _surprise_loss(self, tapped: Tensor, expected: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """Squared error over the tokens of solutions; the base never learned what problems look like."""
        of_solution = ((batch["branch"] > 0) | (batch["targets"] != IGNORE)) & (batch["positions"] > 0)
        guess = self.surprise(tapped[of_solution])[..., 0].float()
        return UNIT * F.mse_loss(guess, expected[of_solution])

    def _slip_loss(self, tapped: Tensor, slip: Tensor) -> Tensor:
        logits = self.slip(tapped)
        losses = [_cross_entropy(logits, torch.where(slip == kind, kind, IGNORE)) for kind in (0, 1)]
        return sum(losses) / 2  # type: ignore[return-value]


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """logits: B T 2; labels: B T, 0 or 1 where there is one."""
    known = labels != IGNORE
    return F.cross_entropy(logits[known].float(), labels[known])
