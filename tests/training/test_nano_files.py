"""The bundled GGUFs against the code that made them."""

from importlib.resources import as_file, files
from itertools import islice

import pytest

from training.problems import generate
from training.tokenizer import CHAT_TEMPLATE, SPECIAL, Tokenizer, word_list
from tts_cli.engine import Engine


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(word_list())


@pytest.fixture(scope="module", params=["nano", "nano-medium", "nano-large", "nano-prm", "nano-prm-small"])
def engine(request):
    file = files("tts_cli.nano") / f"{request.param}.gguf"
    with as_file(file) as path, Engine(path, n_ctx=512, n_seq_max=1) as engine:
        yield engine


def test_llama_cpp_tokenises_as_training_did(engine, tokenizer):
    for problem in islice(generate(17, split="test"), 300):
        for text in (problem.problem, problem.solution):
            assert engine.vocab.tokenize(text, special=False) == tokenizer.encode(text)


def test_vocabulary_is_the_one_of_the_generator(engine, tokenizer):
    assert engine.vocab.n_tokens == len(tokenizer.tokens)
    assert [engine.vocab.id_of(token) for token in SPECIAL] == [tokenizer.special(token) for token in SPECIAL]
    assert all(len(engine.vocab.tokenize(str(digit), special=False)) == 1 for digit in range(10))
    assert len(engine.vocab.tokenize("1234567", special=False)) == 7  # digits are never merged


def test_files_say_what_they_are(engine):
    assert engine.metadata["general.architecture"] == "llama"
    if "prm" not in engine.path.name:
        assert engine.metadata["tokenizer.chat_template"] == CHAT_TEMPLATE
    else:
        assert engine.metadata["tts.prm.format"] == "nano-prm"


def test_files_are_small(engine):
    assert engine.path.stat().st_size < 5_000_000
