"""Byte-level BPE of a tokenizer.json as GGUF metadata.

llama.cpp has the ways to split text before merging as code, by name; the name is found by what tokenizer.json says, and
a way that is not known is refused, as a wrong one gives other tokens without any error. The special tokens, merges and
the chat template are read by the gguf package, which llama.cpp's own converter uses.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_cli.errors import ModelError, reason
from tts_cli.models.importing.checkpoint import read_json

if TYPE_CHECKING:
    import gguf

_NORMAL, _CONTROL, _USER_DEFINED, _UNUSED = 1, 3, 4, 5
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LLAMA3 = _QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
# What splits text, in order -> llama.cpp's name (src/llama-vocab.cpp)
_SPLITS = {
    (_QWEN2, "bytes"): "qwen2",
    (_LLAMA3, "bytes"): "llama-bpe",
    ("digits", "words"): "smollm",
    ("words",): "gpt-2",
}
_HINT = (
    "Byte-level BPE as Qwen2, Llama 3, SmolLM and GPT-2 have it can be imported; for others use llama.cpp's converter."
)


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """`tokens` by id, `kinds`: llama.cpp's token types, `pre`: its name for how text is split."""

    folder: Path
    pre: str
    tokens: list[str]
    kinds: list[int]

    def add_to(self, writer: gguf.GGUFWriter) -> None:
        """Raises ModelError for files beside tokenizer.json that are damaged."""
        from gguf import SpecialVocab

        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.kinds)
        logging.getLogger("gguf").setLevel(logging.CRITICAL)  # it would warn on stderr
        try:
            special = SpecialVocab(self.folder, load_merges=True, n_vocab=len(self.tokens))
            special.add_special_token.setdefault("bos", False)  # llama.cpp would have its own idea, by `pre`
            special.add_to_gguf(writer, quiet=True)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, OSError) as error:
            what = f"The tokenizer's files in {self.folder} cannot be used: {reason(error)}."
            raise ModelError(what, "Download the directory again.") from error


def read_tokenizer(folder: Path, vocabulary: int) -> Tokenizer:
    """`vocabulary`: rows of the embeddings; what the tokenizer has no token for is filled up. Raises ModelError."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        what = "SentencePiece alone" if (folder / "tokenizer.model").is_file() else "no tokenizer.json"
        raise ModelError(f"{folder} has {what}, so its tokenizer cannot be imported.", _HINT)
    data = read_json(path.read_bytes(), str(path))
    model, added = data.get("model"), data.get("added_tokens") or []
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict):
        raise _unfit(path, "it has no vocabulary")
    if model.get("type") != "BPE" or model.get("byte_fallback"):
        raise _unfit(path, "it is SentencePiece or another kind that is not byte-level BPE")
    pre = _pre(path, data)
    try:
        names = {int(number): str(text) for text, number in model["vocab"].items()}
        special = {int(token["id"]): (str(token["content"]), bool(token.get("special"))) for token in added}
    except (KeyError, TypeError, ValueError) as error:
        raise _unfit(path, "its tokens are not texts with numbers") from error
    if (largest := max([*names, *special], default=-1)) >= vocabulary:
        raise _unfit(path, f"it has a token {largest}, and the model embeds {vocabulary}")
    _check_merges(path, model.get("merges"))
    tokens = [special[i][0] if i in special else names.get(i, f"[PAD{i}]") for i in range(vocabulary)]
    kinds = [_kind(special.get(i), i in names) for i in range(vocabulary)]
    if len(set(tokens)) < len(tokens):
        raise _unfit(path, "it has the same token twice")
    return Tokenizer(folder, pre, tokens, kinds)


def _kind(special: tuple[str, bool] | None, normal: bool) -> int:
    """As llama.cpp's converter: a token that looks like a control token is one, whatever its flag says."""
    if special is None:
        return _NORMAL if normal else _UNUSED
    text, is_special = special
    looks = text in ("<pad>", "<mask>") or (text.startswith(("<|", "<｜")) and text.endswith(("|>", "｜>")))
    return _CONTROL if is_special or looks else _USER_DEFINED


def _pre(path: Path, data: dict[str, Any]) -> str:
    """llama.cpp's name of how it splits text. Raises ModelError where there is none."""
    normalizer = data.get("normalizer")
    if normalizer is not None and normalizer.get("type") != "NFC":
        raise _unfit(path, f"it changes text first ({normalizer.get('type')})")
    whole = data.get("pre_tokenizer") or {}
    steps = tuple(_split(one) for one in whole.get("pretokenizers", [whole]))
    if steps not in _SPLITS:
        raise _unfit(path, f"it splits text in a way that is not known here ({json.dumps(whole)[:200]})")
    return _SPLITS[steps]


def _split(one: dict[str, Any]) -> str:
    """A step of it in a word, or a regular expression; "?" for anything else."""
    kind = one.get("type")
    if kind == "ByteLevel" and not one.get("add_prefix_space"):
        return "words" if one.get("use_regex", True) else "bytes"
    if kind == "Digits" and one.get("individual_digits"):
        return "digits"
    plain = kind == "Split" and one.get("behavior") == "Isolated" and not one.get("invert")
    return str((one.get("pattern") or {}).get("Regex", "?")) if plain else "?"


def _check_merges(path: Path, merges: Any) -> None:
    """llama.cpp reads them as two texts with a blank between."""
    if not isinstance(merges, list) or not merges:
        raise _unfit(path, "it has no merges")
    if not all(len(merge.split(" ") if isinstance(merge, str) else merge) == 2 for merge in merges):
        raise _unfit(path, "its merges are not pairs")


def _unfit(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} cannot be imported: {why}.", _HINT)
