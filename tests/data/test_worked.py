"""A worked solution as people write it: blank lines between blocks, whatever the line ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tts_cli.data import worked
from tts_cli.errors import PromptTooLong, TtsError, UsageError

SOLUTION = worked.Worked("Compute 2 + 3.", ("2+3=5", "so \\boxed{5}"))


@pytest.mark.parametrize(
    "raw",
    [
        b"Compute 2 + 3.\n\n2+3=5\n\nso \\boxed{5}",
        b"Compute 2 + 3.\r\n\r\n2+3=5\r\n\r\nso \\boxed{5}\r\n",
        b"Compute 2 + 3.\r\r2+3=5\r\rso \\boxed{5}\r",
        b"\xef\xbb\xbfCompute 2 + 3.\n\n2+3=5\n\nso \\boxed{5}\n",
        b"\n \n Compute 2 + 3.  \n \t \n\n2+3=5 \n\n\n\n  so \\boxed{5}\t\n\n",
    ],
    ids=["unix", "crlf", "cr", "bom", "blanks"],
)
def test_blanks_and_line_ends_mean_nothing(raw: bytes) -> None:
    assert worked.parse(raw, "x") == SOLUTION


def test_a_block_of_several_lines_is_one_step() -> None:
    assert worked.parse(b"p  \nq\n\na  \nb\n\nc", "x") == worked.Worked("p\nq", ("a\nb", "c"))


def test_control_characters_and_markup_are_data() -> None:
    found = worked.parse(b"a \x1b[31m\n\n[red]b[/red] \x07 <|end|>", "x")
    assert found == worked.Worked("a \x1b[31m", ("[red]b[/red] \x07 <|end|>",))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "x is empty"),
        (b"\xef\xbb\xbf\r\n \r\n", "x is empty"),
        (b"Compute 2 + 3.\nstill the problem\n\n", "a problem but no step"),
        (b"\x7fELF\x00\x01", "not a text file"),
        (b"abc\n\n\xff\xfe", "not valid UTF-8 (at byte 6)"),
        ("Rechne 2\n\n3".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_solution_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        worked.parse(raw, "x")
    assert says in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize("name", ["absent.txt", ".", "nul\0byte", "x" * 300])
def test_files_that_cannot_be_read_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TtsError, match="cannot be read") as caught:
        worked.load(tmp_path / name)
    assert caught.value.exit_code == 1


def test_an_endless_file_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worked, "MOST_BYTES", 100)
    (tmp_path / "long.txt").write_bytes(b"a\n\n" * 50)
    with pytest.raises(PromptTooLong, match="longer than"):
        worked.load(tmp_path / "long.txt")
