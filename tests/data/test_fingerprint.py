"""Fingerprints tell apart what must not be taken for the same, and nothing else."""

from __future__ import annotations

from pathlib import Path

from tts_cli.data import fingerprint

MIB = 1 << 20


def test_the_parts_are_told_apart() -> None:
    settings, problem = fingerprint.of_settings({"a": 1, "b": [2]}), fingerprint.of_problem("p")
    mark = fingerprint.of_row(settings, problem)
    assert fingerprint.settings_part(mark) == settings == fingerprint.of_settings({"b": [2], "a": 1})
    assert settings != fingerprint.of_settings({"a": 1, "b": [3]})
    assert fingerprint.settings_part(None) is None


def test_a_file_is_known_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    small, large = b"GGUF" * 10, bytes(range(256)) * (8 * MIB // 256)
    marks = set()
    for number, content in enumerate([small, large, small[:-1], large[:-1] + b"x", b"x" + large[1:], b""]):
        one, other = tmp_path / f"{number}a", tmp_path / f"{number}b"
        one.write_bytes(content)
        other.write_bytes(content)
        assert fingerprint.of_file(one) == fingerprint.of_file(other)
        marks.add(fingerprint.of_file(one))
    assert len(marks) == 6
