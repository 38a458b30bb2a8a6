"""What a PRM is up against: the policy's own likelihood of a step, used as the step's score.

    python -m training.likelihood training/out/policy/model.pt --samples training/out/validation.jsonl

Prints the overall row of `training.evaluate`, of which it differs only in where the scores come from. Needs [train].
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from training.evaluate import Scored, summary
from training.export import read_model
from training.model import Llama
from training.samples import Sample, read_file
from training.tokenizer import Tokenizer, load
from training.trees import _question

AT_ONCE = 64


def lay_out(tokenizer: Tokenizer, sample: Sample) -> tuple[list[int], list[int]]:
    """Tokens of problem and solution, and for each the step that it belongs to (-1: the problem)."""
    tokens = _question(tokenizer, sample.problem)
    owner = [-1] * len(tokens)
    for number, step in enumerate(sample.steps):
        last = number == len(sample.steps) - 1
        own = tokenizer.encode(step if last else step + "\n\n")
        tokens += own
        owner += [number] * len(own)
    return tokens, owner


def log_likelihoods(model: Llama, rows: Sequence[list[int]]) -> Tensor:
    """[rows, longest - 1]: of each token but the first, given those before it; padding is not masked out."""
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    positions = torch.arange(longest)[None].expand(len(rows), longest)
    mask = torch.ones(longest, longest, dtype=torch.bool).tril()[None, None].expand(len(rows), 1, longest, longest)
    with torch.no_grad():
        states = model(tokens, positions, mask)
        logs = model.logits(states).log_softmax(-1)
    return logs[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0]


def score(model: Llama, tokenizer: Tokenizer, samples: Sequence[Sample]) -> list[Scored]:
    laid = [lay_out(tokenizer, sample) for sample in samples]
    logs = log_likelihoods(model, [tokens for tokens, _ in laid])
    scored = []
    for sample, row, (_, owner) in zip(samples, logs, laid, strict=True):
        totals = torch.zeros(len(sample.steps))
        for place, number in enumerate(owner[1:]):
            if number >= 0:
                totals[number] += row[place]
        scored.append(Scored(sample, tuple(totals.exp().tolist())))
    return scored


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.likelihood")
    parser.add_argument("weights", type=Path)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--words", type=Path, default=Path("training/out/words.txt"))
    options = parser.parse_args()
    model, tokenizer = read_model(options.weights).eval(), load(options.words)
    samples = [sample for sample in read_file(options.samples) if sample.steps]
    scored: list[Scored] = []
    for at in range(0, len(samples), AT_ONCE):
        scored += score(model, tokenizer, samples[at : at + AT_ONCE])
    for name, value in summary(scored).items():
        print(f"{name}: {value:.3f}")


if __name__ == "__main__":
    main()
