"""One definition of each thing, and one meaning of each word, in the whole package."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import get_args

import pytest

import tts_cli
from tts_cli.answers.vote import Aggregate, Select
from tts_cli.config import Effort, Settings
from tts_cli.search.methods import METHODS

PACKAGE = Path(tts_cli.__file__).parent

# Words of a dialect that this code once had, and what is said instead.
RETIRED = {
    r"stations?": "worker",
    r"tapes?": "recording",
    r"outlooks?": "what-if",
    r"receipts?": "report",
    r"retraced?": "trace analysis",
    r"verdicts?": "selection",
    r"relay(?:s|ed)?": "Job.then",
    r"ledgers?": "usage",
    r"lanes?": "contexts",
    r"told|tells?": "report, say, show",
    r"dials?": "hyperparameters",
    r"impatient": "nonblocking",
    r"(?:in|out)box(?:es)?": "requests, results",
    r"office": "pool",
    r"go home": "shut down",
    r"some hundred": "a few hundred",
}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_no_class_name_occurs_twice() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(PACKAGE)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


@pytest.mark.parametrize("word", RETIRED)
def test_no_retired_word_is_left(word: str) -> None:
    pattern = re.compile(rf"(?<![A-Za-z])(?:{word})(?![A-Za-z])", re.IGNORECASE)
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in sources()
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(re.sub(r"([a-z])([A-Z])", r"\1 \2", line).replace("_", " "))
    ]
    assert found == [], f"say instead: {RETIRED[word]}"


def test_no_setting_is_described_twice() -> None:
    text = "\n".join(path.read_text() for path in sources())
    for name, field in Settings.model_fields.items():
        sentence = str(field.description).partition(" (default")[0]
        assert len(sentence) > 10, f"{name} has no help"
        assert text.count(sentence) == 1, f"the help of {name} stands {text.count(sentence)} times"


def lists_of_strings(tree: ast.AST) -> list[frozenset[str]]:
    """Every list, tuple, set, dictionary's keys or Literal that holds strings."""
    found = []
    for node in ast.walk(tree):
        items = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else []
        items = [key for key in node.keys if key is not None] if isinstance(node, ast.Dict) else items
        strings = {item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)}
        if strings:
            found.append(frozenset(strings))
    return found


@pytest.mark.parametrize("choices", [get_args(Aggregate), get_args(Select), get_args(Effort)], ids=str)
def test_the_choices_of_a_setting_are_listed_once(choices: tuple[str, ...]) -> None:
    """A table by all choices (what each does, what each costs) is no second list: its keys are type-checked."""
    counted = Counter(
        str(path.relative_to(PACKAGE))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and frozenset(choices) in lists_of_strings(node)[:1]
    )
    assert sum(counted.values()) == 1, dict(counted)


def test_the_methods_are_listed_once() -> None:
    """Apart from the registry no list, table or type holds most of their names."""
    found = [
        str(path.relative_to(PACKAGE))
        for path in sources()
        for strings in lists_of_strings(ast.parse(path.read_text()))
        if len(strings & set(METHODS)) > len(METHODS) / 2
    ]
    assert found == []
