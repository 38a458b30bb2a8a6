"""Muon on the matrices, AdamW on embedding and norms, one learning-rate curve for both."""

from __future__ import annotations

import torch
from torch import nn

from training.model import Llama

MOST = 1.0  # norm of the gradient of what is not a matrix, when there are lessons


class Optimiser:
    """Steps both; the rate warms up over 2 % of the steps and falls linearly to zero over the last `decay` of them.

    Parameters that are frozen are left alone. `lessons` are trained along with the model.
    """

    def __init__(self, model: Llama, lessons: nn.Module | None, steps: int, rate: float, decay: float) -> None:
        matrices = [p for block in model.blocks for p in block.parameters() if p.ndim == 2 and p.requires_grad]
        inside = {id(p) for p in matrices}
        others = [p for p in model.parameters() if p.requires_grad and id(p) not in inside]
        self.clipped = [*others, *lessons.parameters()] if lessons else []
        self.base = [rate, rate / 7]
        self.parts = [
            torch.optim.Muon(matrices, lr=rate, momentum=0.95, weight_decay=0.01),
            torch.optim.AdamW(self.clipped or others, lr=rate / 7, betas=(0.9, 0.95), weight_decay=0.0),
        ]
        self.steps, self.decay = steps, decay

    def step(self, done: int) -> None:
        nn.utils.clip_grad_norm_(self.clipped, MOST)
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
