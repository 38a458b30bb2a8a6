"""JSON lists and gzip are read; for what is not read the error names a command that works."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.data.reading import read, says
from tts_cli.data import json_records
from tts_cli.data.foreign import way_to_jsonl
from tts_cli.data.rows import Format, open_rows
from tts_cli.errors import TtsError, UsageError


class TestJsonLists:
    @pytest.mark.parametrize("indent", [None, 1])
    @pytest.mark.parametrize("format", ["jsonl", None])
    def test_the_objects_of_a_list_are_rows(self, tmp_path: Path, indent: int | None, format: Format | None) -> None:
        listed = [{"problem": "a", "answer": 0.00001}, {"question": "b"}, 3, {"x": 1}]
        (tmp_path / "rows").write_text(json.dumps(listed, indent=indent))
        with open_rows(tmp_path / "rows", format) as opened:
            found = list(opened)
        assert [(row.number, row.problem, row.reference) for row in found[:2]] == [(1, "a", "0.00001"), (2, "b", None)]
        assert "not a JSON object" in says(found[2]) and "no problem" in says(found[3])

    @pytest.mark.parametrize("text", ["[1, 2] + [3, 4] = ?", "[x] of 2.5?", "[]"])
    def test_a_text_that_begins_with_a_bracket_is_no_list(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "rows").write_text(text)
        with open_rows(tmp_path / "rows") as found:
            assert [row.problem for row in found] == [text]

    @pytest.mark.parametrize("line", ["[1, 2]", "[", "[1,", '["a"]'])
    def test_a_first_line_that_is_no_list_of_objects_is_a_bad_row(self, line: str) -> None:
        if line == "[":
            with pytest.raises(UsageError, match="looks like a JSON list, but"):
                read(line + '\n{"problem": "b"}')
        else:
            assert [row.problem for row in read(line + '\n{"problem": "b"}')] == ["", "b"]

    def test_a_list_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(json_records, "_MOST_LIST", 1_000)
        with pytest.raises(UsageError, match="too long") as caught:
            read("[\n" + '{"problem": "p"},\n' * 100 + "]")
        assert "jq -c '.[]'" in caught.value.hint


class TestCompressed:
    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("a.jsonl.gz", '{"problem": "x"}\n{"problem": "y"}\n'),
            ("a.csv.gz", "problem\nx\ny\n"),
            ("a.txt.GZ", "x\ny"),
            ("a.json.gz", '[{"problem": "x"},\n{"problem": "y"}]'),
            ("a.gz", '{"problem": "x"}\n{"problem": "y"}\n'),
        ],
    )
    def test_gzip_is_read(self, tmp_path: Path, name: str, text: str) -> None:
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
        with open_rows(tmp_path / name) as found:
            assert [row.problem for row in found] == ["x", "y"]

    @pytest.mark.parametrize(
        "damage", [lambda data: data[:-9], lambda data: b"x" + data, lambda data: data[:12] + b"z"]
    )
    def test_a_damaged_one_is_an_error(self, tmp_path: Path, damage: Any) -> None:
        (tmp_path / "a.jsonl.gz").write_bytes(damage(gzip.compress(b'{"problem": "x"}\n' * 100)))
        with pytest.raises(TtsError, match="cannot be read"), open_rows(tmp_path / "a.jsonl.gz") as found:
            list(found)

    @pytest.mark.parametrize(
        ("command", "packed"),
        [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)],
    )
    def test_the_command_that_is_named_works(self, tmp_path: Path, command: str, packed: Any) -> None:
        path = tmp_path / f"my problems.jsonl.{command}"
        path.write_bytes(packed(b'{"problem": "x"}\n'))
        way = way_to_jsonl(command, path)
        assert way is not None
        subprocess.run(way.split("`")[1], shell=True, check=True)
        with open_rows(path.with_suffix("")) as found:
            assert [row.problem for row in found] == ["x"]
