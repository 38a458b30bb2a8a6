"""Reading and checking the registry takes longer than solving an easy problem with nano: once a run has to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Here
from tts_cli.models import registry

SOLUTION = "Compute 1 + 1.\n\n1+1=2, so \\boxed{2}\n"


@pytest.mark.parametrize(
    ("command", "stdin"),
    [
        (("solve", "--method", "beam", "--budget", "2", "--json", "1 + 1?"), ""),
        (("solve", "--budget", "2", "1 + 1?"), ""),
        (("batch", "--method", "beam", "--budget", "2", "--in-flight", "1"), "1 + 1?\n2 + 2?\n"),
        (("eval", "nano", "--methods", "greedy,beam", "--budgets", "2", "--limit", "1"), ""),
        (("eval", "nano", "--budgets", "2", "--limit", "1"), ""),
        (("check", "-"), SOLUTION),
        (("models", "list"), ""),
        (("models", "show", "tiny"), ""),
        (("doctor",), ""),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_the_registry_is_read_once(
    here: Here, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], stdin: str
) -> None:
    parsed: list[Path] = []
    parse = registry._parse
    monkeypatch.setattr(registry, "_parse", lambda path: parsed.append(path) or parse(path))  # type: ignore[func-returns-value]
    done = here(*command, stdin=stdin)
    assert done.returncode in (0, 1, 3), done.stderr
    assert len(parsed) == len(set(parsed)) == 2, "the one that ships, and the user's over it"
