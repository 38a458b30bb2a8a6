"""A model file is known by what is in it."""

from __future__ import annotations

from pathlib import Path

from tts_cli.models.content import of_file

MIB = 1 << 20


def test_a_file_is_known_by_its_content_wherever_it_lies(tmp_path: Path) -> None:
    small, large = b"GGUF" * 10, bytes(range(256)) * (8 * MIB // 256)
    marks = set()
    for number, content in enumerate([small, large, small[:-1], large[:-1] + b"x", b"x" + large[1:], b""]):
        one, other = tmp_path / f"{number}a", tmp_path / f"{number}b"
        one.write_bytes(content)
        other.write_bytes(content)
        assert of_file(one) == of_file(other)
        marks.add(of_file(one))
    assert len(marks) == 6
