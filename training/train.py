"""Train a policy from scratch, or a PRM upon one; the one loop for both.

    python -m training.train policy --layers 4 --width 128 --tokens 14e6 --out training/out/policy
    python -m training.train prm    --layers 7 --width 192 --tokens 12e6 --base training/out/policy/model.pt \\
        --samples training/out/samples-11.jsonl --out training/out/prm

Data is made as it is needed, shard by shard, each from its own seed. A checkpoint is written every few minutes:
the same command goes on from it. Final weights are in OUT/model.pt, the curve in OUT/log.jsonl.
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
from torch import Tensor

from training.export import read_model
from training.lessons import Lessons
from training.model import Llama, Shape, parameter_count
from training.optimiser import Optimiser
from training.packing import IGNORE, LENGTH, Rows, Tree, attention_mask, batches, pack
from training.samples import Sample, read_groups
from training.tokenizer import Tokenizer, load
from training.trees import contrast_trees, policy_trees, sampled_tree
from training.widen import grown, keep_identity, widened

ROWS = 12  # rows of LENGTH tokens in a batch
SHARD = {"policy": 24_000, "prm": 2_000}  # problems in a shard
LOG_STEPS = 25
CHECKPOINT_SECONDS = 100


def main() -> None:
    options = arguments()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = load(options.words)
    model, lessons = new_policy(tokenizer, options) if options.role == "policy" else new_prm(tokenizer, options)
    print(f"{parameter_count(model):,} parameters", flush=True)
    train(model, lessons, tokenizer, options)


def new_policy(tokenizer: Tokenizer, options: argparse.Namespace) -> tuple[Llama, None]:
    """From nothing, or grown out of the base."""
    if options.base:
        return grown(read_model(options.base), options.layers, options.width), None
    return Llama(Shape(options.layers, options.width, len(tokenizer.tokens))), None


def new_prm(tokenizer: Tokenizer, options: argparse.Namespace) -> tuple[Llama, Lessons]:
    """The base with new blocks on top; only those, and the last norm, are trained."""
    base = read_model(options.base)
    model = widened(base, options.layers, options.width)
    model.embedding.requires_grad_(False)
    model.blocks[: base.shape.layers].requires_grad_(False)
    return model, Lessons(base, options.width, [tokenizer.ids["-"], tokenizer.ids["+"]])


def train(model: Llama, lessons: Lessons | None, tokenizer: Tokenizer, options: argparse.Namespace) -> None:
    steps = int(options.tokens) // (ROWS * LENGTH)
    end = options.stop or steps
    optimiser = Optimiser(model, lessons, steps, options.rate, options.decay)
    if options.start:
        begin_from(options.start, model, lessons)
    done, shard = resume(options.out / "checkpoint.pt", model, lessons, optimiser)
    started, saved, first = time.time(), time.time(), done
    sums: dict[str, float] = {}
    while done < end:
        for batch in batches(make_shard(tokenizer, options, shard), ROWS, shard):
            losses = step(model, lessons, batch)
            optimiser.step(done)
            if lessons:
                keep_identity(model.blocks[lessons.blocks :], lessons.width)
            done += 1
            sums = {name: sums.get(name, 0.0) + loss.item() / LOG_STEPS for name, loss in losses.items()}
            if done % LOG_STEPS == 0:
                speed = (done - first) * ROWS * LENGTH / (time.time() - started)
                log(options.out, {"step": done, "of": steps, "tokens_per_second": round(speed), **rounded(sums)})
                sums = {}
            if done == end:
                break
        shard += 1
        if time.time() - saved > options.checkpoint_seconds:
            save(options.out / "checkpoint.pt", model, done, shard, lessons, optimiser)
            saved = time.time()
    save(options.out / "model.pt", model, done, shard)


def step(model: Llama, lessons: Lessons | None, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The losses of one batch, and the gradients of their sum."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = lessons(model, batch) if lessons else {"text": text_loss(model, batch)}
    torch.stack(list(losses.values())).sum().backward()
    return losses


def text_loss(model: Llama, batch: dict[str, Tensor]) -> Tensor:
    """A policy's: the next token, in solutions only."""
    mask = attention_mask(batch["positions"], batch["branch"], batch["fork"], batch["doc"])
    states = model(batch["tokens"], batch["positions"], mask)
    learn = batch["targets"] != IGNORE
    return F.cross_entropy(model.logits(states[learn]).float(), batch["targets"][learn])


def make_shard(tokenizer: Tokenizer, options: argparse.Namespace, shard: int) -> Rows:
    """Training rows number `shard`, always the same for the same options."""
    seed = options.seed * 100_000 + shard
    if options.role == "policy":
        return pack(policy_trees(tokenizer, seed, options.shard or SHARD["policy"]))
    return pack(prm_trees(tokenizer, options, seed))


def prm_trees(tokenizer: Tokenizer, options: argparse.Namespace, seed: int) -> Iterator[Tree]:
    """Contrast trees; with samples, a share `sample_share` of them gives way to the policy's own solutions."""
    random, groups = Random(f"samples {seed}"), read_groups(options.samples)
    for tree in contrast_trees(tokenizer, seed, options.shard or SHARD["prm"]):
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


def rounded(losses: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in losses.items()}


def log(out: Path, row: dict[str, float]) -> None:
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(row, flush=True)


def save(path: Path, model: Llama, done: int, shard: int, *rest: Lessons | Optimiser | None) -> None:
    """Write beside and rename: a kill leaves the old checkpoint whole. `rest`: what only training needs."""
    state = {"model": model.state_dict(), "shape": vars(model.shape), "done": done, "shard": shard}
    state["rest"] = [part.state_dict() if part else None for part in rest]
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def resume(path: Path, model: Llama, *rest: Lessons | Optimiser | None) -> tuple[int, int]:
    """Steps done and the next shard, from a checkpoint if there is one."""
    if not path.exists():
        return 0, 0
    state = torch.load(path)
    model.load_state_dict(state["model"])
    for part, saved in zip(rest, state["rest"], strict=True):
        if part:
            part.load_state_dict(saved)
    return state["done"], state["shard"]


def begin_from(path: Path, model: Llama, lessons: Lessons | None) -> None:
    """The weights of another run's checkpoint; the optimiser and the count of steps begin anew."""
    state = torch.load(path)
    model.load_state_dict(state["model"])
    if lessons:
        lessons.load_state_dict(state["rest"][0])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.train")
    parser.add_argument("role", choices=("policy", "prm"))
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--tokens", type=float, required=True, help="training tokens, padding included")
    parser.add_argument("--stop", type=int, help="end after so many steps, before the rate has fallen")
    parser.add_argument(
        "--start", type=Path, help="checkpoint of another run of this shape, whose weights to begin with"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--words", type=Path, default=Path("training/out/words.txt"))
    parser.add_argument(
        "--base", type=Path, help="weights of the policy that a PRM stands on, or that a policy grows from"
    )
    parser.add_argument("--samples", type=Path, nargs="*", default=[], help="the policy's labelled samples (PRM)")
    parser.add_argument("--sample-share", type=float, default=0.5)
    parser.add_argument(
        "--rate", type=float, default=0.02, help="learning rate of the matrices; the rest takes a seventh"
    )
    parser.add_argument("--decay", type=float, default=0.6, help="share of the steps over which the rate falls to zero")
    parser.add_argument("--shard", type=int, help=f"problems in a shard, default {SHARD}")
    parser.add_argument("--checkpoint-seconds", type=float, default=CHECKPOINT_SECONDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
