"""The models and the problems that are measured on."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
from tts_cli.models.load import load_policy, load_prm
from tts_cli.models.prm.formats import PrmFormat
from tts_cli.models.registry import ModelEntry

FOLDER = Path("~/.cache/tts-real-models").expanduser()
POLICIES = {
    "135M": "SmolLM2-135M-Instruct.Q4_1.gguf",
    "0.5B": "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    "1.5B": "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
}
# Only the work of a PRM is measured, not what it knows: any model will do, and any two tokens.
TOKEN_PAIR = PrmFormat(prompt="{problem}\n\n", step="{step}\n", at="end", good="+", bad="-")
_TEXT = (
    "A farmer has {a} boxes with {b} apples each. He gives {c} apples to each of his {d} neighbours, sells half of "
    "what is left for 2 dollars an apple, and buys {a} chairs for 7 dollars each. How much money has he got left? "
    "Think step by step, and put the answer into \\boxed{{}}."
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user asked for. `policy` and `prm`: files. `peers`: a Python that has the peers installed."""

    folder: Path
    policy: Path
    prm: Path
    rounds: int
    threads: int
    max_tokens: int
    full: bool
    peers: Path | None


def problem(number: int = 0) -> str:
    """About 67 tokens; each number gives another one."""
    return _TEXT.format(a=12 + number, b=24 + number % 5, c=9 + number % 3, d=4 + number % 2)


def pair(chosen: Choice, stack: ExitStack, policy: Path | None = None) -> tuple[LlamaPolicy, LlamaPRM]:
    """Both models, loaded as `tts` loads them; `stack` closes them."""
    size = {"n_seq_max": 64, "threads": chosen.threads}
    loaded = load_policy(str(policy or chosen.policy), **size)
    stack.callback(loaded.close)
    entry = ModelEntry(name=f"{chosen.prm.stem} as PRM", role="prm", file=str(chosen.prm), format=TOKEN_PAIR)
    prm = load_prm(entry, **size)
    stack.callback(prm.close)
    return loaded, prm
