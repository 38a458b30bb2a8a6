"""Problem files: every row of every format comes out, good or bad, one at a time and in order."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.reading import one, read, says
from tts_cli.data import fields, rows
from tts_cli.data.csv_records import CsvRecords
from tts_cli.data.lines import read_lines
from tts_cli.data.rows import Row, open_rows, read_rows
from tts_cli.errors import TtsError, UsageError

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))
FILLED = TEXT.filter(lambda text: text.strip() != "" and "\ufeff" not in text)


class TestText:
    def test_a_line_is_a_problem_and_blank_lines_are_none(self) -> None:
        found = read(b"\xef\xbb\xbf What is 1+1? \r\n\n \t\r\nWhat is 2+2?", "txt")
        assert [(row.number, row.id, row.problem) for row in found] == [
            (1, "1", "What is 1+1?"),
            (2, "2", "What is 2+2?"),
        ]
        assert all(row == Row(row.number, row.id, row.problem) for row in found)

    def test_a_line_that_is_not_utf8_is_a_bad_row_among_good_ones(self) -> None:
        found = read(b"one\ntw\xff\nthree\n", "txt")
        assert [row.problem for row in found] == ["one", "", "three"]
        assert "not UTF-8 text (at byte 3)" in says(found[1])

    def test_control_characters_are_data(self) -> None:
        assert one("a\x00b\x1b[31mc\u2028d\x0ce\n", "txt").problem == "a\x00b\x1b[31mc\u2028d\x0ce"

    @given(st.lists(FILLED))
    def test_every_line_comes_out(self, lines: list[str]) -> None:
        found = read("\n".join(lines), "txt")
        assert [row.problem for row in found] == [line.strip() for line in lines]


class TestJsonl:
    def test_fields_are_named_by_meaning_and_the_rest_is_carried(self) -> None:
        fields = {"id": "p1", "problem": "p", "answer": "a", "level": "Level 2", "subject": "s"}
        row = one(json.dumps(fields | {"solution": "s", "more": {"x": [1, None]}}))
        labels = {"answer": "a", "level": "Level 2", "subject": "s"}
        more = {"solution": "s", "more": {"x": [1, None]}}
        assert row == Row(1, "p1", "p", "a", "Level 2", "s", more, labels=labels)

    @pytest.mark.parametrize("name", ["problem", "question", "prompt", "Problem", "QUESTION"])
    @pytest.mark.parametrize("answer", ["answer", "final_answer", "extracted_groundtruth", "Answer"])
    def test_other_names(self, name: str, answer: str) -> None:
        assert one(json.dumps({name: "p", answer: "a"})) == Row(1, "1", "p", "a", labels={answer: "a"})

    def test_the_first_name_wins_and_the_others_are_carried(self) -> None:
        row = one(
            '{"prompt": "c", "question": "b", "problem": "a", "Problem": "d", "final_answer": "2", "answer": null}'
        )
        assert (row.problem, row.reference) == ("a", "2")
        assert row.input == {"prompt": "c", "question": "b", "Problem": "d", "answer": None}

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("073", "073"),
            (73, "73"),
            (-5, "-5"),
            (0, "0"),
            (0.5, "0.5"),
            (10**30, "1" + "0" * 30),
            (None, None),
            ("", None),
            ([], None),
            (["2"], "2"),
            (["x", 3], "x, 3"),
            ([None, "", "y"], "y"),
        ],
    )
    def test_references_become_text(self, value: Any, text: str | None) -> None:
        assert one(json.dumps({"problem": "p", "answer": value})).reference == text

    @pytest.mark.parametrize(("value", "text"), [(7, "7"), (7.5, "7.5"), (" a ", "a"), ("", "1"), (None, "1")])
    def test_ids_become_text(self, value: Any, text: str) -> None:
        assert one(json.dumps({"problem": "p", "id": value})).id == text

    @pytest.mark.parametrize(
        ("line", "wrong"),
        [
            ("[1, 2]", "not a JSON object"),
            ('"p"', "not a JSON object"),
            ("null", "not a JSON object"),
            ("{", "not JSON"),
            ("{'problem': 'p'}", "not JSON"),
            ('{"problem": "p"} x', "not JSON (Extra data at character 18)"),
            ('{"problem": "a\x00b"}', "not JSON"),
            ('{"problem": "p", "x": NaN}', "NaN"),
            ('{"problem": "p", "x": [-Infinity]}', "-Infinity"),
            ('{"problem": "p", "x": 1e999}', "too large"),
            ('{"problem": "p", "x": ' + "9" * 5000 + "}", "too large"),
            ('{"problem": "p", "problem": "q"}', "a key twice"),
            ('{"problem": "p", "x": {"y": 1, "y": 2}}', "a key twice"),
            ('{"problem": "\\ud800"}', "lone surrogate"),
            ('{"problem": "p", "x": {"\\udfff": 1}}', "lone surrogate"),
            ("[" * 100_000, "nested too deeply"),
            ('{"problem": "p", "x": ' + "[" * 100_000, "nested too deeply"),
            ("{}", "no problem"),
            ('{"answer": "a"}', "no problem"),
            ('{"problem": null}', "its problem is not a text"),
            ('{"question": 5}', "its question is not a text"),
            ('{"prompt": ["p"]}', "its prompt is not a text"),
            ('{"problem": " \\n"}', "its problem is empty"),
            ('{"problem": "p", "answer": {"x": 1}}', "its answer is neither"),
            ('{"problem": "p", "id": true}', "its id is neither"),
            ('{"problem": "p", "answer": [["x"]]}', "its answer is neither"),
            ('{"problem": "p", "id": [1]}', "its id is neither"),
            ('{"problem": "p", "level": {}}', "its level is neither"),
        ],
    )
    def test_an_odd_line_is_a_bad_row_among_good_ones(self, line: str, wrong: str) -> None:
        found = read(f'{{"problem": "a"}}\n{line}\n\n{{"problem": "b", "id": "last"}}')
        assert [(row.number, row.problem) for row in found if row.error is None] == [(1, "a"), (3, "b")]
        assert wrong in says(found[1])

    def test_a_bad_row_keeps_what_could_be_read(self) -> None:
        row = one('{"id": 9, "question": "q", "answer": {}, "level": 2, "x": 1}')
        assert (row.id, row.problem, row.reference, row.level) == ("9", "q", None, "2")
        assert row.input == {"x": 1} and row.error is not None

    def test_escapes_and_pairs_of_surrogates_are_text(self) -> None:
        assert one('{"problem": "a\\u0000\\ud83d\\ude00\\\\ud800"}').problem == "a\x00\U0001f600\\ud800"

    @given(st.dictionaries(TEXT, st.none() | st.integers() | TEXT | st.lists(TEXT)), FILLED)
    def test_what_is_carried_comes_out_as_it_was(self, unknown: dict[str, Any], problem: str) -> None:
        named = {*fields.PROBLEM, fields.MESSAGES, *fields.REFERENCE, "id", "level", "subject"}
        unknown = {key: value for key, value in unknown.items() if key.strip().lower() not in named}
        row = one(json.dumps(unknown | {"problem": problem}))
        assert (row.problem, row.input or {}, row.error) == (problem.strip(), unknown, None)

    @given(st.binary())
    def test_no_bytes_stop_the_rows_after_them(self, junk: bytes) -> None:
        data = b'{"problem": "a"}\n' + junk.replace(b"\n", b" ") + b'\n{"problem": "b"}\n'
        found = read(data)
        assert (found[0].problem, found[-1].problem) == ("a", "b")


class TestCsv:
    def test_columns_are_named_by_meaning_in_any_case_and_order(self) -> None:
        found = read("\ufeffLevel, Answer,PROBLEM,ID,Note\r\n3,073,What?,x1,n\r\n,,Who?,,\r\n", "csv")
        labels = [{"Level": "3", "Answer": "073"}, {"Level": "", "Answer": ""}]
        assert found[0] == Row(1, "x1", "What?", "073", "3", None, {"Note": "n"}, labels=labels[0])
        assert found[1] == Row(2, "2", "Who?", None, None, None, {"Note": ""}, labels=labels[1])

    def test_quoted_fields_hold_commas_quotes_and_line_ends(self) -> None:
        found = read('problem,answer\n"a, ""b""\nc\r\n\nd", "1,000"\nlast,2', "csv")
        assert [(row.problem, row.reference) for row in found] == [('a, "b"\nc\r\n\nd', "1,000"), ("last", "2")]

    @pytest.mark.parametrize("mark", [";", "\t"])
    def test_semicolons_and_tabs_where_the_header_has_them(self, mark: str) -> None:
        row = one(f"problem{mark}answer\na, b{mark}2\n", "csv")
        assert (row.problem, row.reference) == ("a, b", "2")

    @pytest.mark.parametrize(
        ("data", "wrong"),
        [
            ("What is 1+1?\nWhat is 2+2?\n", "no column problem"),
            ("id,answer\n1,2\n", "no column problem"),
            ("problem,answer,answer\n", "two columns"),
            ('"problem\n', "cannot be read"),
        ],
    )
    def test_a_file_without_a_header_is_refused(self, data: str, wrong: str) -> None:
        with pytest.raises(UsageError, match=wrong) as caught:
            read(data, "csv")
        assert caught.value.hint

    def test_rows_with_too_few_or_too_many_fields(self) -> None:
        found = read("problem,answer\nshort\nx,1,,\n\nWhat is 1,000 + 1?,1001\n,,\n,5\n", "csv")
        assert [(row.problem, row.reference) for row in found[:2]] == [("short", None), ("x", "1")]
        assert "3 fields, but the header has 2" in says(found[2])
        assert "its problem is empty" in says(found[3])
        assert len(found) == 4

    @pytest.mark.parametrize("bad", ['"open,1', '"a"b,1', "a\rb,1", '"a""'])
    def test_a_broken_record_costs_itself_alone(self, bad: str) -> None:
        found = read(f'problem,answer\nfirst,0\n{bad}\nsecond,2\n"third",3\n', "csv")
        assert [row.problem for row in found] == ["first", "", "second", "third"]
        assert says(found[1])

    def test_an_open_quote_at_the_end_is_a_bad_row(self) -> None:
        assert "does not end" in says(one('problem\n"open', "csv"))

    def test_bytes_that_are_not_utf8_and_nul(self) -> None:
        found = read(b"problem,answer\n\xff,1\na\0b,2\n", "csv")
        assert "not UTF-8" in says(found[0])
        assert found[1].problem == "a\0b"

    def test_a_field_longer_than_the_librarys_limit(self) -> None:
        before = csv.field_size_limit()
        assert len(one(f"problem\n{'x' * (before + 1)}\n", "csv").problem) == before + 1
        assert csv.field_size_limit() == before

    def test_an_endless_quote_is_bounded(self) -> None:
        lines = (b'"open\n', *[b"x\n"] * 100)
        records = list(CsvRecords(iter(lines), ",", most=1_000))
        assert isinstance(records[0], str) and "does not end" in records[0]
        assert records[1:] == [["x"]] * 100

    @given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))))
    def test_what_the_library_writes_is_read_again(self, pairs: list[tuple[str, str]]) -> None:
        file = io.StringIO()
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("problem", "note"), *pairs])
        found = read(file.getvalue(), "csv")
        filled = [pair for pair in pairs if pair[0].strip() or pair[1].strip()]
        assert [(row.problem, row.input) for row in found] == [(a.strip(), {"note": b}) for a, b in filled]

    @given(st.lists(st.sampled_from(['"', ",", "\n", "\r", "a", "é", " ", "\0"])).map("".join))
    def test_no_text_stops_the_reading(self, text: str) -> None:
        lines = list(read_lines(io.BytesIO(text.encode())))
        records = list(CsvRecords(iter(lines), ",", most=10_000))
        assert len(records) <= len(lines)
        assert bool(records) == bool(lines)


class TestStreams:
    def test_a_row_is_there_as_soon_as_its_line_is(self) -> None:
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as producer:
            found = read_rows(stream, "jsonl")
            for i in range(3):
                producer.write(b'{"problem": "%d"}\n{"probl' % i if i == 0 else b'em": "%d"}\n{"probl' % i)
                assert next(found).problem == str(i)

    def test_a_quoted_line_end_waits_for_no_more_than_its_record(self) -> None:
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as producer:
            producer.write(b'problem\n"a\nb"\n')
            assert next(read_rows(stream, "csv")).problem == "a\nb"

    def test_what_is_appended_while_reading_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "grows.txt"
        path.write_text("one\n")
        with open_rows(path) as found, path.open("a") as file:
            assert next(found).problem == "one"
            file.write("two\nthree\n")
            file.flush()
            assert [row.problem for row in found] == ["two", "three"]

    def test_memory_does_not_grow_with_the_file(self) -> None:
        line = b'{"problem": "What is 1 + 1?", "x": "%s"}\n' % (b"x" * 1_000)
        found = read_rows(Endless(line, 1_000), "jsonl")  # a megabyte
        next(found)
        tracemalloc.start()
        count = sum(row.error is None for row in found)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == 999
        assert peak < 100_000

    @pytest.mark.parametrize("end", [b"\n", b""])
    def test_a_line_that_is_too_long_is_a_bad_row_among_good_ones(
        self, monkeypatch: pytest.MonkeyPatch, end: bytes
    ) -> None:
        lines = list(read_lines(io.BytesIO(b"a\n" + b"x" * 35 + b"\nb\n" + b"y" * 10 + end), most=10))
        assert lines == [b"a\n", None, b"b\n", b"y" * 10 + end]
        monkeypatch.setattr(rows, "read_lines", lambda stream: read_lines(stream, most=20))
        for format in ("txt", "jsonl", "csv"):
            head = b'{"problem":"a"}\n' if format == "jsonl" else b"problem\n"
            tail = head if format == "jsonl" else b"b\n"
            found = read(head + b"x" * 100 + b"\n" + tail, format)
            assert "too long" in says(found[-2])
            assert found[-1].error is None

    def test_a_disk_that_fails_is_an_error(self) -> None:
        class Broken(io.BytesIO):
            def readline(self, size: int | None = -1) -> bytes:
                raise OSError(5, "Input/output error")

        with pytest.raises(TtsError, match="input/output error"):
            list(read_rows(Broken(), "txt"))


class Endless(io.RawIOBase):
    """The same line `count` times, without the memory for it."""

    def __init__(self, line: bytes, count: int) -> None:
        self._line, self._left = line, count

    def readline(self, size: int | None = -1) -> bytes:
        self._left -= 1
        return self._line if self._left >= 0 else b""


class TestOpening:
    @pytest.mark.parametrize(
        ("name", "content", "problem"),
        [
            ("a.txt", '{"problem": "x"}', '{"problem": "x"}'),
            ("a.jsonl", '{"problem": "x"}', "x"),
            ("A.JSONL", '{"problem": "x"}', "x"),
            ("a.ndjson", '{"problem": "x"}', "x"),
            ("a.csv", "problem\nx", "x"),
            ("a.tsv", "problem\tanswer\nx, y\t1", "x, y"),
            ("noname", '\n {"problem": "x"}', "x"),
            ("noname", "What?", "What?"),
        ],
    )
    def test_the_suffix_tells_the_format_or_else_the_first_line(
        self, tmp_path: Path, name: str, content: str, problem: str
    ) -> None:
        (tmp_path / name).write_text(content)
        with open_rows(tmp_path / name) as found:
            assert [row.problem for row in found] == [problem]

    def test_the_flag_is_stronger_than_the_suffix(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text('{"problem": "x"}')
        with open_rows(tmp_path / "a.txt", "jsonl") as found:
            assert [row.problem for row in found] == ["x"]

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [
            ("a.json", '[{"problem": "p"}', "jq -c '.[]'"),
            ("a.json", '{\n "problem": "p"\n}', "jq -c ."),
            ("a.parquet", "PAR1", "pyarrow"),
            ("a.jsonl", b"PAR1\x15\x04", "pyarrow"),
            ("a b.jsonl.xz", "", "a b.jsonl.xz' > '"),
            ("a.tar.gz", "", "tar -x"),
            ("a.jsonl", gzip.compress(b"{}"), "gunzip < FILE > FILE.jsonl"),
            ("a.jsonl", bz2.compress(b"{}"), "bunzip2 < FILE"),
            ("a.csv", lzma.compress(b"{}"), "unxz < FILE"),
            ("a.jsonl", b"PK\x03\x04\x14", "unzip -p FILE"),
            ("a.xlsx", b"PK\x03\x04\x14", "CSV"),
            ("a.pdf", b"%PDF", "--format"),
            ("a.csv", "x,y\n1,2\n", "id,problem,answer"),
            ("a.txt", b"\xff\xfea\0", "iconv"),
        ],
    )
    def test_what_is_no_problem_file_is_refused_at_once(
        self, tmp_path: Path, name: str, content: str | bytes, says: str
    ) -> None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(UsageError) as caught, open_rows(tmp_path / name):
            pass
        assert says in caught.value.hint

    @pytest.mark.parametrize("name", ["absent.jsonl", ".", "nul\0", "x" * 300])
    def test_what_cannot_be_read_is_an_error(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(TtsError, match="cannot be read") as caught, open_rows(tmp_path / name):
            pass
        assert caught.value.exit_code == 1

    def test_an_empty_file_has_no_rows(self, tmp_path: Path) -> None:
        for format in ("txt", "jsonl", "csv"):
            (tmp_path / "empty").write_bytes(b"\xef\xbb\xbf\n\n")
            with open_rows(tmp_path / "empty", format) as found:
                assert list(found) == []

    def test_a_named_pipe_is_read_as_it_comes(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.jsonl")
        descriptor = os.open(tmp_path / "pipe.jsonl", os.O_RDWR)
        os.write(descriptor, b'{"problem": "x"}\n')
        with open_rows(tmp_path / "pipe.jsonl") as found:
            assert next(found).problem == "x"
        os.close(descriptor)

    @pytest.fixture
    def stdin(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        yield lambda data: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    @pytest.mark.parametrize("source", [None, Path("-")])
    @pytest.mark.parametrize(("data", "count"), [(b'{"problem": "x"}\nbad\n', 2), (b"x\n{}\n", 2), (b"", 0)])
    def test_stdin(self, stdin: Any, source: Path | None, data: bytes, count: int) -> None:
        stdin(data)
        with open_rows(source) as found:
            assert sum(1 for _ in found) == count

    def test_stdin_of_a_format(self, stdin: Any) -> None:
        stdin(b"problem\n{x}\n")
        with open_rows(None, "csv") as found:
            assert [row.problem for row in found] == ["{x}"]

    def test_nothing_to_read_is_wrong_usage(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        with pytest.raises(UsageError, match="No problems"), open_rows(None):
            pass
