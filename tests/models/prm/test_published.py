"""PRMs with a published head: the texts of their publishers, step by step, and the head that lies beside the GGUF."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import templates
from tests.tiny_gguf import WORDS, write_tiny_gguf
from tts_cli.engine import Engine, ReadOut
from tts_cli.errors import ModelError, PromptTooLong, UsageError
from tts_cli.models.backends.llama_cpp import LlamaPRM
from tts_cli.models.content import of_file
from tts_cli.models.load import load_prm, resolve, resolve_pair
from tts_cli.models.prm.published_head import PublishedCard, PublishedHead, side_file
from tts_cli.protocols import Prefix, Usage

SPECIAL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<extra_0>", "<|end|>")
WIDTH = 64
BACKBONE = {"name": "tiny", "architecture": "llama", "n_embd": WIDTH}
PROBLEM = "What is 12 + 7?"
STEPS = ("12 + 7 = 19", "so\n <extra_0>\n\\boxed{19}", "done")
CHATML = "<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{problem}<|im_end|>\n<|im_start|>assistant\n"
BOXED = "Please reason step by step, and put your final answer within \\boxed{}."
QWEN = CHATML.format(system=BOXED, problem=PROBLEM)
OWN = CHATML.format(system="You are helpful.", problem=PROBLEM)


def write_head(path: Path, format: str, **changes: Any) -> PublishedHead:
    """A random head of the kind that the PRMs with this format have, beside a model."""
    random = np.random.default_rng(1)
    kinds: dict[str, tuple[str, str, tuple[int, ...]]] = {
        "actprm": ("ensemble", "sigmoid", (WIDTH, 8, 8, 1)),
        "trl": ("linear", "softmax", (WIDTH, 2)),
        "skywork": ("linear", "sigmoid", (WIDTH, 1)),
        "outcome-verifier": ("linear", "sigmoid", (WIDTH, 1)),
    }
    kind, output, widths = kinds.get(format, ("mlp", "softmax", (WIDTH, WIDTH, 2)))
    front = (4,) if kind == "ensemble" else ()
    tensors: dict[str, Any] = {}
    for i, (inner, out) in enumerate(zip(widths, widths[1:], strict=False)):  # noqa: RUF007
        tensors[f"layers.{i}.weight"] = random.normal(scale=inner**-0.5, size=(*front, out, inner)).astype(np.float32)
        tensors[f"layers.{i}.bias"] = random.normal(size=(*front, out)).astype(np.float32)
    fields = {"kind": kind, "output": output, "good_class": int(output == "softmax"), "prm_format": format}
    head = PublishedHead(PublishedCard.model_validate({**fields, "backbone": BACKBONE, **changes}), tensors)
    head.write(path)
    return head


@dataclass(frozen=True)
class Published:
    """A PRM that was loaded, and its head."""

    prm: LlamaPRM
    head: PublishedHead
    name: str


def write_model(path: Path, **changes: Any) -> Path:
    template = {"dtype": "F32", "chat_template": templates.CHATML, "special": SPECIAL, "context": 1024}
    return write_tiny_gguf(path, **{**template, **changes})


@pytest.fixture(scope="module", params=["qwen-math-prm", "actprm", "reasonflux", "skywork", "trl", "outcome-verifier"])
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    model = write_model(tmp_path_factory.mktemp("published") / "tiny.gguf")
    head = write_head(side_file(model), request.param)
    prm = load_prm(str(model), threads=1)
    yield Published(prm, head, request.param)
    prm.close()


def chain(prm: LlamaPRM, steps: tuple[str, ...]) -> list[float]:
    prefix: Prefix = prm.start(PROBLEM, Usage())
    scores = []
    for step in steps:
        job = prm.score(prefix, step)
        while not job.done:
            prm.advance()
        scores.append(job.result().score)
        prefix = job.result().prefix
    return scores


def as_published(name: str, engine: Engine, steps: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """All tokens of a solution by the publisher's own recipe, and the rows that are read, one per step."""
    vocab = engine.vocab
    plain = [vocab.tokenize(step, special=False) for step in steps]
    if name == "skywork":  # prepare_input: every line, then the newline's token; blank lines stand between steps
        tokens, newline = vocab.tokenize(f"<|endoftext|>{PROBLEM}\n", special=True), vocab.tokenize("\n", special=False)
        rows = []
        for number, step in enumerate(steps):
            for line in ([""] if number else []) + step.split("\n"):
                tokens += [*vocab.tokenize(line, special=False), *newline]
            rows.append(len(tokens) - 1)
        return tokens, rows
    before, marker = {"trl": (PROBLEM, "\n\n"), "reasonflux": (OWN, "<extra_0>")}.get(name, (QWEN, "<extra_0>"))
    tokens, rows = vocab.tokenize(before, special=True), []
    for words in plain:
        tokens += [*words, *vocab.tokenize(marker, special=True)]
        rows.append(len(tokens) - 1)
    return tokens, rows


def states(engine: Engine, tokens: list[int], rows: list[int]) -> Any:
    """The states at these rows when all tokens are run at once."""
    root = engine.root(tokens[:1], Usage())
    job = engine.evaluate(root, tokens[1:], [row - 1 for row in rows], ReadOut(tokens=(), hidden=True))
    while not job.done:
        engine.advance()
    return job.result().hidden


def marked(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("published", names, indirect=True)


@marked("qwen-math-prm", "actprm", "reasonflux", "skywork", "trl")
def test_scores_are_the_heads_on_the_publishers_text(published: Published) -> None:
    tokens, rows = as_published(published.name, published.prm.engine, STEPS)
    found = chain(published.prm, STEPS)
    expected = [published.head.score(one).value for one in states(published.prm.engine, tokens, rows)]
    assert found == pytest.approx(expected, abs=1e-5)
    assert len(set(found)) == len(found), "other states, other scores"


@marked("outcome-verifier")
def test_a_verifier_reads_the_answer_where_its_turn_has_ended(published: Published) -> None:
    """Its tokens are those of the whole answer, and those of the template's end."""
    vocab = published.prm.engine.vocab
    for steps in (STEPS[:1], STEPS):
        answer = vocab.tokenize("\n\n".join(steps), special=False)
        tokens = [*vocab.tokenize(OWN, special=True), *answer, *vocab.tokenize("<|im_end|>\n", special=True)]
        expected = published.head.score(states(published.prm.engine, tokens, [len(tokens) - 1])[0]).value
        assert chain(published.prm, steps)[-1] == pytest.approx(expected, abs=1e-5)


@marked("qwen-math-prm", "reasonflux", "trl")
def test_a_step_that_holds_the_marker_has_one_marker(published: Published) -> None:
    prm, layout = published.prm, published.prm._layout
    (marker,) = prm.engine.vocab.tokenize("\n\n" if published.name == "trl" else "<extra_0>", special=True)
    tokens = layout.next(prm.engine.vocab, "a <extra_0> b\n\nc", (), first=True, final=False).kept
    assert list(tokens).count(marker) == 1 and tokens[-1] == marker
    text = b"".join(prm.engine.vocab.piece(token) for token in tokens[:-1])
    assert text == b"a <extra_0> b\n\nc", "and nothing of it is lost"


def test_an_ensemble_says_how_far_it_agrees(published: Published) -> None:
    engine, read_out = published.prm.engine, published.prm._read_out
    step = published.prm._layout.next(engine.vocab, "x", (), first=True, final=False)
    tokens = [*step.kept, *step.suffix]
    job = engine.evaluate(engine.root([0], Usage()), tokens, [len(tokens) - 1], read_out.asks(step)[1])
    while not job.done:
        engine.advance()
    assert (read_out.score(job.result(), step, None).spread > 0) == (published.name == "actprm")


def test_a_thought_is_left_out(tmp_path: Path) -> None:
    """Up to its end it is no part of the answer, and takes no room once it is over."""
    model = write_model(tmp_path / "tiny.gguf", context=256)
    write_head(side_file(model), "outcome-verifier")
    prm = load_prm(str(model), threads=1)
    (alone,) = chain(prm, ("\n\nso 19".strip(),))
    long = "hm, 12 + 7, is that 19? " * 4
    thoughts = ("<think>" + long, *(long + str(i) for i in range(9)))
    first, *_, ended, answer = chain(prm, (*thoughts, "</think>", "so 19"))
    assert ended == pytest.approx(first), "an empty answer"
    (behind,) = chain(prm, ("</think>\n\nso 19",))
    assert answer == pytest.approx(behind, abs=1e-5) and answer != pytest.approx(alone, abs=1e-5), (
        "it begins with a blank line"
    )
    prm.close()


def test_a_solution_that_is_too_long_is_an_error(published: Published) -> None:
    prefix = published.prm.start(PROBLEM, Usage())
    job = published.prm.score(prefix, " the answer is" * 600)
    while not job.done:
        published.prm.advance()
    assert isinstance(job.error, PromptTooLong)


# Where a head is found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heads")
    write_model(folder / "prm.gguf")
    write_head(folder / "prm.head.safetensors", "qwen-math-prm")
    return folder


def test_the_file_and_the_head_name_the_same_prm(folder: Path) -> None:
    by_file, by_head = (resolve(str(folder / name), "prm") for name in ("prm.gguf", "prm.head.safetensors"))
    assert by_file == by_head and by_file.format is not None
    assert (by_file.name, by_file.role, by_file.family) == ("prm", "prm", "qwen-math-prm")
    assert by_file.format.head == of_file(folder / "prm.head.safetensors"), "another head, another fingerprint"
    assert resolve(str(folder / "prm.gguf"), "policy").head is None, "as a policy it is the language model"


def test_a_format_that_is_asked_for_is_taken(folder: Path) -> None:
    for name in ("prm.gguf", "prm.head.safetensors"):
        found = resolve(str(folder / name), "prm", prm_format="reasonflux").format
        assert found is not None and (found.layout, found.read) == ("answer", "head")
    with pytest.raises(UsageError, match="no PRM format named"):
        resolve(str(folder / "prm.head.safetensors"), "prm", prm_format="x")


def test_a_head_elsewhere_finds_the_backbone_that_it_names(folder: Path, tmp_path: Path) -> None:
    content = of_file(folder / "prm.gguf")
    write_head(tmp_path / "h.safetensors", "skywork", backbone={**BACKBONE, "name": "other", "content": content})
    pair = resolve_pair(str(folder / "prm.gguf"), str(tmp_path / "h.safetensors"), own_prm=False)
    assert pair.prm is not None and pair.prm.file == str(folder / "prm.gguf")
    with pytest.raises(ModelError, match="reads the states of other, which is not there"):
        resolve(str(tmp_path / "h.safetensors"), "prm")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"architecture": "qwen2"}, "it reads qwen2"),
        ({"content": "decaf000"}, "reads the states of tiny \\(decaf000\\)"),
    ],
)
def test_a_head_of_another_model_is_refused(folder: Path, tmp_path: Path, changes: dict[str, str], says: str) -> None:
    (tmp_path / "prm.gguf").symlink_to(folder / "prm.gguf")
    write_head(tmp_path / "prm.head.safetensors", "qwen-math-prm", backbone={**BACKBONE, **changes})
    with pytest.raises(ModelError, match=says):
        load_prm(str(tmp_path / "prm.gguf"), threads=1)


def test_a_prm_without_its_head_says_how_to_get_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "prm.gguf").symlink_to(folder / "prm.gguf")
    with pytest.raises(ModelError, match=r"read by a head, and there is none beside it: prm\.head\.safetensors"):
        load_prm(str(tmp_path / "prm.gguf"), prm_format="qwen-math-prm", threads=1)


@pytest.mark.parametrize("name", ["rlhflow", "no-such-format"])
def test_a_head_with_a_format_for_none_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "prm.gguf").symlink_to(folder / "prm.gguf")
    write_head(tmp_path / "prm.head.safetensors", "trl", prm_format=name)
    with pytest.raises(ModelError, match=f"the PRM format '{name}', which is none"):
        resolve(str(tmp_path / "prm.gguf"), "prm")


def test_a_vocabulary_without_the_marker_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "prm.gguf", special=SPECIAL[:3] + SPECIAL[4:])
    write_head(side_file(model), "qwen-math-prm")
    with pytest.raises(ModelError, match="'<extra_0>' is not one token"):
        load_prm(str(model), threads=1)


# A format of one's own

YAML = """
formats:
  third:
    read: head
    prompt: "Q: {problem}\\nA:"
    step: " {step}{marker}"
    marker: " so"
"""


def test_a_format_is_added_with_yaml_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(YAML.splitlines()) < 40 and " so" in WORDS
    (tmp_path / "models.yaml").write_text(YAML)
    monkeypatch.setenv("TTS_MODELS_FILE", str(tmp_path / "models.yaml"))
    model = write_model(tmp_path / "prm.gguf")
    head = write_head(side_file(model), "third")
    prm = load_prm(str(model), threads=1)
    vocab = prm.engine.vocab
    texts = (f"Q: {PROBLEM}\nA:", " 19", " so")
    tokens = [token for text in texts for token in vocab.tokenize(text, special=False)]
    (expected,) = states(prm.engine, tokens, [len(tokens) - 1])
    assert chain(prm, ("19",)) == pytest.approx([head.score(expected).value], abs=1e-5)
    prm.close()
