"""The examples in the package's docstrings do what they say."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import tts_cli

PACKAGE = Path(tts_cli.__file__).parent


def modules_with_examples() -> list[str]:
    paths = [path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text()]
    return sorted(".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths)


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name: str) -> None:
    results = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0 and results.failed == 0


def test_the_public_names_have_examples() -> None:
    assert {"tts_cli", "tts_cli.config", "tts_cli.costs", "tts_cli.search.methods", "tts_cli.solver"} <= set(
        modules_with_examples()
    )
