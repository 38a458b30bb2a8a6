"""The fixtures: how they are made (with PyTorch), and read (without)."""

from __future__ import annotations

import gzip
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.parity.cases import Case, cases, fingerprint
from tests.parity.checkpoints import FIXTURES, PRMS, write_checkpoint

REFERENCES, TOKENIZER = FIXTURES / "references.json.gz", FIXTURES / "tokenizer.json"
VOCABULARY = 900


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reference made of one case: see reference.Scored."""

    ids: list[int]
    reads: list[int]
    scores: list[float]


def read(name: str) -> list[Wanted]:
    """Of every case, by one PRM. Raises AssertionError where they are of other cases than there are now."""
    data = json.loads(gzip.decompress(REFERENCES.read_bytes()))
    assert data["cases"] == fingerprint(cases()), "make them again: python -m tests.parity --write"
    found = data["prms"][name]
    return [Wanted(*three) for three in zip(found["ids"], found["reads"], found["scores"], strict=True)]


def write() -> None:
    """Make all of them again."""
    import torch
    import transformers

    torch.set_num_threads(1)
    of = cases()
    if not TOKENIZER.is_file():
        train_tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        prms = {name: _references(name, Path(folder) / name, of) for name in PRMS}
    made = {"torch": torch.__version__, "transformers": transformers.__version__}
    data = {"made_with": made, "cases": fingerprint(of), "prms": prms}
    REFERENCES.write_bytes(gzip.compress(json.dumps(data, separators=(",", ":")).encode(), mtime=0))


def _references(name: str, folder: Path, of: list[Case]) -> dict[str, Any]:
    from tests.parity.reference import Reference

    reference = Reference(write_checkpoint(PRMS[name], folder), PRMS[name].format)
    found = [reference.scored(case) for case in of]
    return {
        "ids": [one.ids for one in found],
        "reads": [one.reads for one in found],
        "scores": [[round(score, 6) for score in one.scores] for one in found],
    }


def train_tokenizer() -> None:
    """A byte-level BPE of a few hundred merges, trained on other cases, in which PRMs' markers are one token each."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    from tests.parity.checkpoints import tokenizer_of

    empty = {"type": "BPE", "vocab": {}, "merges": []}
    split = tokenizer_of("qwen2", empty)["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    trained = Tokenizer(models.BPE())
    from tokenizers import Regex

    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trained.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), "isolated"), bytes_])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    texts = [text for case in cases(2000, seed=1) for text in (f"{case.problem}\n", *(f"{s}\n\n" for s in case.steps))]
    marks = [f"word{tag}" for tag in (" ки\n", " +", " -", " \n\n\n\n", "\n\n") for _ in range(5000)]
    trained.train_from_iterator([*texts, *marks], trainer)
    model = json.loads(trained.to_str())["model"]
    TOKENIZER.write_text(json.dumps({"model": model}, ensure_ascii=False), "utf-8")
