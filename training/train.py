"""Train a policy or a PRM from scratch; the one loop for both.

    python -m training.train policy --layers 4 --width 128 --tokens 24e6 --out training/out/policy
    python -m training.train prm    --layers 5 --width 192 --tokens 20e6 --out training/out/prm

Data is made as it is needed, shard by shard, each from its own seed. A checkpoint is written every few minutes:
the same command goes on from it. `--samples FILE` adds the policy's own labelled samples to a PRM's data;
`--start FILE` begins from other weights. Final weights are in OUT/model.pt, the curve in OUT/log.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.model import Llama, Shape, parameter_count
from training.optimiser import Optimiser
from training.packing import IGNORE, LENGTH, Rows, Tree, attention_mask, batches, pack
from training.samples import Sample, read_groups
from training.tokenizer import Tokenizer, load
from training.trees import contrast_trees, policy_trees, sampled_tree

ROWS = 12  # rows of LENGTH tokens in a batch
SHARD = {"policy": 24_000, "prm": 2_000}  # problems in a shard
CHECKPOINT_SECONDS = 100
TEXT_WEIGHT = 0.5  # of the next-token loss in a PRM: one must know what is right to judge


def main() -> None:
    options = arguments()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = load(options.words)
    model = Llama(Shape(options.layers, options.width, len(tokenizer.tokens)))
    if options.start:
        start_from(model, torch.load(options.start)["model"])
    print(f"{parameter_count(model):,} parameters", flush=True)
    train(model, tokenizer, options)


def train(model: Llama, tokenizer: Tokenizer, options: argparse.Namespace) -> None:
    steps = int(options.tokens) // (ROWS * LENGTH)
    end = options.stop or steps
    lessons = Lessons(options.width, tap=options.layers * 3 // 4 - 1)
    optimiser = Optimiser(model, lessons, steps, options.rate, options.decay)
    done, shard = resume(model, optimiser, options.out)
    pair = torch.tensor([tokenizer.ids["-"], tokenizer.ids["+"]])
    started, saved, first = time.time(), time.time(), done
    while done < end:
        for batch in batches(make_shard(tokenizer, options, shard), ROWS, shard):
            losses = loss_of(model, batch, pair, lessons if options.role == "prm" else None)
            sum(losses.values()).backward()
            optimiser.step(done)
            done += 1
            if done % 50 == 0:
                speed = (done - first) * ROWS * LENGTH / (time.time() - started)
                log(options.out, {"step": done, "of": steps, "tokens_per_second": round(speed), **numbers(losses)})
            if done == end:
                break
        shard += 1
        if time.time() - saved > CHECKPOINT_SECONDS:
            save(options.out / "checkpoint.pt", model, optimiser, done, shard)
            saved = time.time()
    save(options.out / "model.pt", model, None, done, shard)


def start_from(model: Llama, weights: dict[str, Tensor]) -> None:
    """Take over weights; layers that the model has above theirs stay as they are made, which is the identity."""
    layers = {name.split(".")[1] for name in weights if name.startswith("blocks.")}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    strangers = [name for name in missing if name.split(".")[1] in layers] + unexpected
    if strangers:
        raise SystemExit(f"the weights do not fit the model: {strangers}")


def make_shard(tokenizer: Tokenizer, options: argparse.Namespace, shard: int) -> Rows:
    """Training rows number `shard`, always the same for the same options."""
    seed = options.seed * 100_000 + shard
    if options.role == "policy":
        return pack(policy_trees(tokenizer, seed, SHARD["policy"]))
    return pack(prm_trees(tokenizer, options, seed))


def prm_trees(tokenizer: Tokenizer, options: argparse.Namespace, seed: int) -> Iterator[Tree]:
    """Contrast trees; with samples, a share `sample_share` of them gives way to the policy's own solutions."""
    random, groups = Random(f"samples {seed}"), read_groups(options.samples)
    for tree in contrast_trees(tokenizer, seed, SHARD["prm"]):
        if groups and random.random() < options.sample_share:
            yield sampled_tree(tokenizer, _draw(random, groups))
        else:
            yield tree


def _draw(random: Random, groups: list[list[Sample]]) -> list[Sample]:
    """A problem's samples; all-right ones, which teach least, are passed over two times in three."""
    while True:
        group = random.choice(groups)
        if random.random() < 1 / 3 or not all(sample.right for sample in group):
            return group


def loss_of(model: Llama, batch: dict[str, Tensor], pair: Tensor, lessons: Lessons | None) -> dict[str, Tensor]:
    """A policy's next-token loss; or, with `lessons`, a PRM's: the verdict after each step, and the lessons."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mask = attention_mask(batch["positions"], batch["branch"], batch["fork"], batch["doc"])
        tap = lessons.tap if lessons else 0
        states, tapped = model(batch["tokens"], batch["positions"], mask, tap)
        learn = batch["targets"] != IGNORE
        text = F.cross_entropy(model.logits(states[learn]).float(), batch["targets"][learn])
        if lessons is None:
            return {"text": text}
        marked = batch["verdicts"] != IGNORE
        logits = F.linear(states[marked], model.embedding.weight[pair]).float()  # marks x (-, +)
        verdict = F.cross_entropy(logits, batch["verdicts"][marked])
        return {"text": TEXT_WEIGHT * text, **lessons(states, tapped, batch), "verdict": verdict}


class Lessons(nn.Module):
    """Denser lessons for a PRM than one verdict a step; no part of the model that is saved.

    `slip`, read at three quarters of the depth: is this very token the first wrong one? Right and wrong tokens weigh
    the same. `sound`, read at the end: is all right up to here?
    """

    def __init__(self, width: int, tap: int) -> None:
        super().__init__()
        self.slip, self.sound = nn.Linear(width, 2, bias=False), nn.Linear(width, 2, bias=False)
        self.tap = tap

    def forward(self, states: Tensor, tapped: Tensor, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        known = batch["sound"] != IGNORE
        sound = F.cross_entropy(self.sound(states[known]).float(), batch["sound"][known])
        losses = []
        for kind in (0, 1):
            logits = self.slip(tapped[batch["slip"] == kind]).float()
            losses.append(F.cross_entropy(logits, torch.full((len(logits),), kind)))
        return {"slip": (losses[0] + losses[1]) / 2, "sound": sound}


def numbers(losses: dict[str, Tensor]) -> dict[str, float]:
    return {name: round(value.item(), 4) for name, value in losses.items()}


def log(out: Path, row: dict[str, float]) -> None:
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(row, flush=True)


def save(path: Path, model: Llama, optimiser: Optimiser | None, done: int, shard: int) -> None:
    """Write beside and rename: a kill leaves the old checkpoint whole."""
    state = {"model": model.state_dict(), "shape": vars(model.shape), "done": done, "shard": shard}
    if optimiser is not None:
        state["optimiser"] = optimiser.state_dict()
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def resume(model: Llama, optimiser: Optimiser, out: Path) -> tuple[int, int]:
    """Steps done and the next shard."""
    path = out / "checkpoint.pt"
    if not path.exists():
        return 0, 0
    state = torch.load(path)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return state["done"], state["shard"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.train")
    parser.add_argument("role", choices=("policy", "prm"))
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--tokens", type=float, required=True, help="training tokens, padding included")
    parser.add_argument("--stop", type=int, help="end after so many steps, before the rate has fallen")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--words", type=Path, default=Path("training/out/words.txt"))
    parser.add_argument("--start", type=Path, help="weights to begin from, of as many layers or fewer")
    parser.add_argument("--samples", type=Path, nargs="*", default=[], help="the policy's labelled samples (PRM)")
    parser.add_argument("--sample-share", type=float, default=0.6)
    parser.add_argument(
        "--rate", type=float, default=0.02, help="learning rate of the matrices; the rest takes a seventh"
    )
    parser.add_argument("--decay", type=float, default=0.6, help="share of the steps over which the rate falls to zero")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
