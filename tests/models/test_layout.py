"""PRM formats at token level: incremental chunks together are the tokens of the whole text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.models import templates
from tests.models.gguf_files import LLAMA3, write_chat_gguf, write_sentencepiece_gguf
from tests.tiny_gguf import WORDS, write_tiny_gguf
from tts_cli.engine import Branch, Evaluated, ReadOut
from tts_cli.engine.model import load_model
from tts_cli.errors import ModelError
from tts_cli.models import registry
from tts_cli.models.prm.formats import PrmFormat, PrmLayout, StepTokens, compile_format
from tts_cli.models.prm.read_outs import TokenPair
from tts_cli.protocols import Usage

STEPS = ("1 + 1 = 2", "<|step|>", "so \\boxed{2}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layout")


@pytest.fixture(scope="module")
def nano(folder: Path) -> Any:
    return load_model(write_tiny_gguf(folder / "nano.gguf", words=[*WORDS, " \n\n\n\n"])).vocab


def shipped(name: str) -> PrmFormat:
    """A format that ships, without the ids of the vocabulary that it was made for."""
    checks: dict[str, Any] = {"marker_ids": (), "good_ids": (), "bad_ids": ()}
    return registry.read().format(name).model_copy(update=checks)


def joined(parts: list[list[int]]) -> list[int]:
    return [token for part in parts for token in part]


def chunks(layout: PrmLayout, vocab: Any, problem: str) -> list[list[int]]:
    steps = [layout.step_tokens(vocab, step, first=number == 0) for number, step in enumerate(STEPS)]
    return [layout.prompt_tokens(vocab, problem), *steps]


def test_nano_prm(nano: Any) -> None:
    layout = compile_format(shipped("nano-prm"), nano, None)
    prompt, *steps = chunks(layout, nano, " 1 + 1? ")
    start, solution = map(nano.id_of, ("<|problem|>", "<|solution|>"))
    assert prompt == [start, *nano.tokenize("1 + 1?", special=False), solution]
    assert steps == [nano.tokenize(step + "\n\n", special=False) for step in STEPS]
    assert len({step[-1] for step in steps}) == 1  # the blank line is one token
    assert TokenPair.of(shipped("nano-prm"), nano) == TokenPair((nano.id_of("+"),), (nano.id_of("-"),))


@pytest.mark.parametrize(
    ("step", "read"),
    [
        ("37+28=65, so \\boxed{65}.", "37+28=65, so \\boxed{65}"),
        ("\\boxed{65} . ", "\\boxed{65}"),
        ("\\boxed{65} apples.", "\\boxed{65} apples."),
        ("12-5=7.", "12-5=7."),
    ],
)
def test_a_prm_trained_up_to_the_box_is_not_given_the_full_stop_after_it(nano: Any, step: str, read: str) -> None:
    layout = compile_format(shipped("nano-prm"), nano, None)
    assert layout.step_tokens(nano, step, first=False) == nano.tokenize(read + "\n\n", special=False)
    others = compile_format(shipped("versa"), nano, None)
    assert others.step_tokens(nano, step, first=False) == nano.tokenize(f"{step.strip()} \n\n\n\n", special=False)


def test_versa(nano: Any) -> None:
    layout = compile_format(shipped("versa"), nano, None)
    whole = "How? \n\n" + "".join(f"{step} \n\n\n\n" for step in STEPS)
    assert joined(chunks(layout, nano, "How?")) == nano.tokenize(whole, special=False)
    marker = nano.id_of(" \n\n\n\n")
    assert [chunk[-1] for chunk in chunks(layout, nano, "How?")[1:]] == [marker] * 3


def test_math_shepherd_in_its_own_kind_of_vocabulary(folder: Path) -> None:
    """SentencePiece puts a space before a text: chunks must not get one that the whole text lacks."""
    path = write_sentencepiece_gguf(folder / "spm.gguf", ["ки", "▁ки", "▁+", "▁-", "▁x", "▁", "▁so", "so"])
    vocab = load_model(path).vocab
    layout = compile_format(shipped("math-shepherd"), vocab, None)
    whole = "How many? " + "\n".join(f"{step} ки" for step in STEPS)
    assert joined(chunks(layout, vocab, "How many?")) == [vocab.bos, *vocab.tokenize(whole, special=False)]
    assert TokenPair.of(shipped("math-shepherd"), vocab) == TokenPair((vocab.id_of(" +"),), (vocab.id_of(" -"),))


def test_rlhflow_turns_are_read_before_the_marker(folder: Path) -> None:
    path = write_chat_gguf(folder / "l.gguf", LLAMA3, None, eos="<|eot_id|>", add_bos=True)
    vocab = load_model(path).vocab
    layout = compile_format(shipped("rlhflow"), vocab, templates.LLAMA3)
    head = "<|start_header_id|>{}<|end_header_id|>\n\n"
    whole = f"<|begin_of_text|>{head.format('system')}Today Date: 26 Jul 2024 26 Jul 2024\n\n<|eot_id|>"
    ends = []
    for number, step in enumerate(STEPS):
        turn = f"How? {step}" if number == 0 else step
        whole += f"{head.format('user')}{turn}<|eot_id|>{head.format('assistant')}"
        ends.append(len(vocab.tokenize(whole, special=True)))
        whole += "+<|eot_id|>"
    parts = chunks(layout, vocab, "How?")
    tokens = joined(parts)
    assert tokens == vocab.tokenize(whole, special=True)[: len(tokens)]
    assert ends == [len(joined(parts[:end])) for end in (2, 3, 4)]


def test_chat_format_needs_a_template(nano: Any) -> None:
    with pytest.raises(ModelError, match="no chat template"):
        compile_format(shipped("rlhflow"), nano, None)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"marker": "<|nothing|>"}, "the marker .* is not one token"),
        ({"good": "good!"}, "the good-step token .* is not one token"),
        ({"bad_ids": (3,)}, "the bad-step token '-' is token"),
    ],
)
def test_a_model_without_the_tokens(nano: Any, changes: dict[str, Any], what: str) -> None:
    with pytest.raises(ModelError, match=what) as caught:
        format = shipped("nano-prm").model_copy(update=changes)
        compile_format(format, nano, None)
        TokenPair.of(format, nano)
    assert "PRM" in caught.value.hint


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "no hole"},
        {"step": "{step}"},
        {"step": "{step}{step}{marker}"},
        {"first_step": "{step} {marker}\n"},
        {"marker": ""},
        {"at": "end"},
        {"at": "end", "marker": "", "step": "{step}\n\n", "layout": "chat"},
        {"at": "after"},
        {"suffix": "Right?"},
        {"at": "suffix"},
        {"read": "likelihood"},
        {"over": "("},
        {"good": []},
        {"good": ["+", ""]},
        {"threshold": 2.0},
        {"layout": "solution"},
        {"system": "Be strict."},
        {"after": "</think>"},
        {"split": "\n", "at": "before"},
        {"split": "\n", "at": "end", "marker": "", "step": "{step}"},
        {"layout": "answer", "at": "suffix"},
        {"layout": "answer", "at": "suffix", "marker": "", "split": "\n", "prompt": "no hole"},
    ],
)
def test_malformed_formats(fields: dict[str, Any]) -> None:
    good = {"prompt": "{problem}", "step": "{step}{marker}", "marker": "#"}
    PrmFormat.model_validate(good)
    with pytest.raises(ValidationError):
        PrmFormat.model_validate({**good, **fields})


def scored(read_out: TokenPair, root: Branch, logits: Any) -> float:
    return read_out.score(Evaluated(root, logits, np.empty((1, 0), np.float32)), StepTokens([65]), None).value


@pytest.mark.parametrize(
    ("good", "bad", "score"), [(0, 0, 0.5), (2, 0, 0.8808), (-3, 1, 0.018), (-1e4, 1e4, 0), (1e4, -1e4, 1)]
)
def test_a_token_pair_scores_by_the_softmax_of_two_logits(good: float, bad: float, score: float) -> None:
    read_out = TokenPair(good=(3,), bad=(1,))
    assert read_out.asks(StepTokens(range(12))) == ([11], ReadOut(tokens=(3, 1)))
    assert read_out.asks(StepTokens(range(12), suffix=[5, 6])) == ([1], ReadOut(tokens=(3, 1)))
    root = Branch(None, [0], Usage(), sampled=False)
    logits = np.array([[good, bad]], np.float32)  # [marks, tokens]
    assert scored(read_out, root, logits) == pytest.approx(score, abs=1e-4)


def test_spellings_of_a_side_are_added_up() -> None:
    read_out = TokenPair(good=(3, 4), bad=(1, 2))
    root = Branch(None, [0], Usage(), sampled=False)
    logits = np.log(np.array([[1, 2, 3, 4]], np.float32)) + np.float32(1e3)
    assert scored(read_out, root, logits) == pytest.approx(0.3, abs=1e-4)
    logits[0, 3] = np.nan
    with pytest.raises(ModelError, match="not a number"):
        scored(read_out, root, logits)


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "{problem}"},
        {"step": "{step}"},
        {"marker": "+"},
        {"suffix": "Right?", "at": "suffix"},
        {"read": "pair"},
        {"read": "pair", "suffix": "Right?"},
    ],
)
def test_malformed_formats_of_the_solution_layout(fields: dict[str, Any]) -> None:
    good = {"layout": "solution", "read": "likelihood"}
    PrmFormat.model_validate(good)
    PrmFormat.model_validate({"layout": "solution", "suffix": "Right?", "at": "suffix"})
    with pytest.raises(ValidationError):
        PrmFormat.model_validate({**good, **fields})


def test_formats_without_later_fields_are_written_as_before() -> None:
    """By what is written, stores and profiles of older runs know their PRM again."""
    later = {"of", "suffix", "read", "head", "over", "aggregate", "threshold", "system", "split", "after"}
    for name in ("nano-prm", "math-shepherd", "rlhflow", "versa"):
        assert not later & set(registry.read().format(name).model_dump(mode="json"))
    fields = registry.read().format("skywork").model_copy(update={"head": "c0ffee"}).model_dump(mode="json")
    assert (fields["read"], fields["split"], fields["head"]) == ("head", "\n", "c0ffee")


def test_marker_text_of_an_ordinary_token_is_broken_up(nano: Any) -> None:
    layout = compile_format(shipped("versa"), nano, None)
    marker, step = nano.id_of(" \n\n\n\n"), "a \n\n\n\n\n\nb"
    tokens = layout.step_tokens(nano, step, first=True)
    assert tokens.count(marker) == 1 and tokens[-1] == marker
    assert b"".join(map(nano.piece, tokens[:-1])).decode() == step
