"""nano's vocabulary: words as single tokens, digits never merged, any other text as bytes.

The GGUF declares a "gpt2" byte-level vocabulary with the pre-tokenizer "llama-bpe", which takes a whole
word from the vocabulary where it is there. `Tokenizer.encode` does in Python, for ASCII, what llama.cpp does with
that file; a test holds the two against each other.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from pathlib import Path

from training.problems import generate

PAD, PROBLEM, SOLUTION, END, STEP = "<|pad|>", "<|problem|>", "<|solution|>", "<|end|>", "<|step|>"
SPECIAL = (PAD, PROBLEM, SOLUTION, END, STEP)
MERGES = (("\n", "\n"), (".", "\n\n"), *((" ", sign) for sign in "+-*/=(\\"))
CHAT_TEMPLATE = (
    "{{ '<|problem|>' + (messages | selectattr('role', 'equalto', 'user') | list | last)['content'] + '<|solution|>' }}"
)

# The pre-tokenizer "llama-bpe" restricted to ASCII: words with one leading space or sign, digits, signs, white space.
_PIECES = re.compile(
    r"'(?:[sS]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|[^\r\nA-Za-z0-9]?[A-Za-z]+|[0-9]{1,3}"
    r"| ?[^\sA-Za-z0-9]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_alphabet() -> list[str]:
    """GPT-2's printable stand-in for every byte, in byte order."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    stand_ins = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(stand_ins)) for b in range(256)]


def word_list(count: int = 20_000, least: int = 25) -> list[str]:
    """Words (with their leading space or backslash) that occur often in generated problems; same every time."""
    found: Counter[str] = Counter()
    for problem in islice(generate(0, split="train"), count):
        text = problem.problem + "\n" + problem.solution
        found.update(piece for piece in _PIECES.findall(text) if re.search("[A-Za-z]", piece) and len(piece) > 1)
    return sorted(word for word, times in found.items() if times >= least)


class Tokenizer:
    """`tokens[i]` is the text of token i, special tokens first, then bytes, merges and words."""

    def __init__(self, words: list[str]) -> None:
        self.alphabet = byte_alphabet()
        merged = [left + right for left, right in MERGES]
        self.tokens = [*SPECIAL, *self.alphabet, *(self.spell(piece) for piece in merged + words)]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self._pieces: dict[str, list[int]] = {}

    def spell(self, text: str) -> str:
        """The text with every byte as its stand-in."""
        return "".join(self.alphabet[byte] for byte in text.encode())

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for piece in _PIECES.findall(text):
            known = self._pieces.get(piece)
            if known is None:
                known = self._pieces[piece] = self._encode_piece(piece)
            ids.extend(known)
        return ids

    def _encode_piece(self, piece: str) -> list[int]:
        spelled = self.spell(piece)
        if spelled in self.ids:
            return [self.ids[spelled]]
        symbols = list(spelled)
        for left, right in MERGES:  # in order of rank; each merges at most once in a piece of this language
            left, right = self.spell(left), self.spell(right)
            for i in range(len(symbols) - 1):
                if symbols[i : i + 2] == [left, right]:
                    symbols[i : i + 2] = [left + right]
                    break
        return [self.ids[symbol] for symbol in symbols]

    def special(self, token: str) -> int:
        return self.ids[token]

    @property
    def merges(self) -> list[str]:
        return [f"{self.spell(left)} {self.spell(right)}" for left, right in MERGES]


def load(path: Path) -> Tokenizer:
    """The tokenizer of a training run, made once and kept beside its data."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(word_list()))
    return Tokenizer(path.read_text().split("\n"))
