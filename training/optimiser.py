"""Muon on the matrices, AdamW on embedding and norms, one learning-rate curve for both."""

from __future__ import annotations

import torch
from torch import nn

from training.model import Llama

GENTLE = 0.3  # the share of the rate at which layers that were taken over go on learning


class Optimiser:
    """Steps all; the rate warms up over 2 % of the steps and falls linearly to zero over the last `decay` of them.

    The first `taken_over` blocks, and with them embedding and norms, learn gently.
    """

    def __init__(
        self, model: Llama, sense: nn.Linear, steps: int, rate: float, decay: float, taken_over: int = 0
    ) -> None:
        old = [p for block in model.blocks[:taken_over] for p in block.parameters() if p.ndim == 2]
        new = [p for block in model.blocks[taken_over:] for p in block.parameters() if p.ndim == 2]
        others = [p for p in model.parameters() if not any(p is m for m in old + new)]
        gentle = GENTLE if taken_over else 1.0
        self.parts: list[torch.optim.Optimizer] = []
        self.base: list[float] = []
        for matrices, own_rate in ((old, rate * GENTLE), (new, rate)):
            if matrices:
                self.parts.append(torch.optim.Muon(matrices, lr=own_rate, momentum=0.95, weight_decay=0.01))
                self.base.append(own_rate)
        for vectors, own_rate in ((others, rate / 7 * gentle), (list(sense.parameters()), rate / 7)):
            self.parts.append(torch.optim.AdamW(vectors, lr=own_rate, betas=(0.9, 0.95), weight_decay=0.0))
            self.base.append(own_rate)
        self.steps, self.decay = steps, decay

    def step(self, done: int) -> None:
        scale = rate_scale(done / self.steps, self.decay)
        for part, base in zip(self.parts, self.base, strict=True):
            for group in part.param_groups:
                group["lr"] = base * scale
            part.step()
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, object]]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, object]]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def rate_scale(progress: float, decay: float) -> float:
    """1 in the middle; `progress` runs from 0 to 1."""
    cooling = (1 - progress) / decay + 0.005 if decay else 1.0
    return min(1.0, progress / 0.02 + 0.01, cooling)
