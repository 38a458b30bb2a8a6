"""Fingerprints tell apart what must not be taken for the same, and nothing else."""

from __future__ import annotations

from tts_cli.data import fingerprint

MIB = 1 << 20


def test_the_parts_are_told_apart() -> None:
    settings, problem = fingerprint.of_settings({"a": 1, "b": [2]}), fingerprint.of_problem("p")
    mark = fingerprint.of_row(settings, problem)
    assert fingerprint.settings_part(mark) == settings == fingerprint.of_settings({"b": [2], "a": 1})
    assert settings != fingerprint.of_settings({"a": 1, "b": [3]})
    assert fingerprint.settings_part(None) is None
