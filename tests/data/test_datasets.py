"""Data sets by name or path: what ships, what is fetched, and a Hub that does not do as it should."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.data.loopback import Hub, serving
from training.problems import bundled
from tts_cli import paths
from tts_cli.data import datasets
from tts_cli.data.datasets import open_dataset
from tts_cli.data.rows import Row
from tts_cli.errors import TtsError, UsageError


def yes(question: str) -> bool:
    return True


def no(question: str) -> bool:
    return False


def never(question: str) -> bool:
    raise AssertionError(f"asked: {question}")


def load(name: str, consent: datasets.Consent = never) -> list[Row]:
    with open_dataset(name, consent) as rows:
        return list(rows)


def jsonl(count: int) -> bytes:
    rows = ({"problem": f"What is {i} + 1?", "answer": str(i + 1), "level": 1 + i % 5} for i in range(count))
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def viewer(count: int) -> bytes:
    rows = [{"row_idx": i, "row": {"problem": f"Problem {i}?", "answer": f"{i:03}"}} for i in range(count)]
    return json.dumps({"features": [], "rows": rows}).encode()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data directory, which is not there yet, on a machine without Hub settings and without proxies."""
    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TTS_DATA_DIR", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub(body=jsonl(500))) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url + "/")
        yield hub


def test_nano_has_a_hundred_problems_a_level_and_all_families_nearly_even() -> None:
    rows = load("nano")
    assert all(row.error is None and row.reference and row.id for row in rows)
    assert len({row.problem for row in rows}) == len({row.id for row in rows}) == 500
    assert Counter(row.level for row in rows) == dict.fromkeys("12345", 100)
    families = Counter(row.subject for row in rows)
    assert len(families) == 6
    assert min(families.values()) >= 70 and max(families.values()) <= 90


def test_any_first_part_of_nano_is_balanced() -> None:
    rows = load("nano")[:60]
    assert Counter(row.level for row in rows) == dict.fromkeys("12345", 12)
    assert min(Counter(row.subject for row in rows).values()) >= 9


def test_nano_is_what_the_generator_makes_of_its_test_split() -> None:
    problems = bundled.problems()
    for row in load("nano")[:100]:
        problem = next(problems)
        assert problem.split == "test"
        assert (row.problem, row.reference, row.level) == (problem.problem, problem.answer, str(problem.level))


def test_a_file_is_opened_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("question,final_answer\n1+1?,2\n")
    assert [(row.problem, row.reference) for row in load(str(tmp_path / "mine.csv"))] == [("1+1?", "2")]


def test_a_known_name_wins_over_a_file_but_its_path_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("nano").write_text('{"problem": "mine"}\n')
    assert len(load("nano")) == 500
    assert [row.problem for row in load("./nano")] == ["mine"]


@pytest.mark.parametrize(
    ("name", "hint"), [("Math500", "math500"), ("aime", "aime24"), ("x.jsonl", "JSONL"), ("\0", "JSONL")]
)
def test_what_is_neither_name_nor_file_is_refused_with_close_names(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(name)
    assert hint in caught.value.hint


def test_nothing_is_fetched_without_consent(hub: Hub, folder: Path) -> None:
    with pytest.raises(TtsError, match="nothing is fetched unasked") as caught:
        load("math500", no)
    assert caught.value.exit_code == 1
    assert "--yes" in caught.value.hint and str(folder / "math500.jsonl") in caught.value.hint
    assert not hub.paths


def test_the_question_says_what_comes_from_where(hub: Hub) -> None:
    asked: list[str] = []
    with pytest.raises(TtsError):
        load("math500", lambda question: bool(asked.append(question)))
    assert "500 problems" in asked[0] and "huggingface.co/datasets/HuggingFaceH4/MATH-500" in asked[0]


def test_a_file_is_fetched_once_and_kept(hub: Hub, folder: Path) -> None:
    first = load("math500", yes)
    assert len(first) == 500 and first[0].reference == "1" and first[0].level == "1"
    assert hub.paths == ["/datasets/HuggingFaceH4/MATH-500/resolve/main/test.jsonl"]
    assert hub.tokens == [None]
    assert load("math500") == first
    assert [path.name for path in folder.iterdir()] == ["math500.jsonl"]
    assert len(hub.paths) == 1


def test_rows_of_the_viewer_become_jsonl(hub: Hub, folder: Path) -> None:
    hub.body = viewer(30)
    rows = load("aime24", yes)
    assert [row.reference for row in rows][:2] == ["000", "001"]
    assert len((folder / "aime24.jsonl").read_text().splitlines()) == 30
    assert hub.paths == ["/rows?dataset=HuggingFaceH4%2Faime_2024&config=default&split=train&offset=0&length=100"]


def test_a_file_that_a_person_put_there_is_used(folder: Path) -> None:
    folder.mkdir()
    (folder / "aime24.jsonl").write_text('{"problem": "p", "extracted_groundtruth": "073"}\n')
    assert [row.reference for row in load("aime24")] == ["073"]


def test_the_token_goes_to_the_hub_and_not_where_it_redirects(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret\n")
    hub.status, hub.headers = 302, {"Location": f"{hub.url}/elsewhere"}
    assert len(load("math500", yes)) == 500
    assert hub.tokens == ["Bearer hf_secret", None]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"status": 404}, "not there (HTTP 404)"),
        ({"status": 500}, "HTTP 500"),
        ({"status": 401}, "HF_TOKEN"),
        ({"status": 429}, "too many requests"),
        ({"announced": 10**6}, "broke off"),
        ({"body": jsonl(499)}, "499 problems"),
        ({"body": jsonl(499) + jsonl(1)}, "499 problems"),
        ({"body": jsonl(501)}, "501 problems"),
        ({"body": b"<html>Please log in</html>"}, "0 problems"),
        ({"body": b""}, "0 problems"),
        ({"body": b"\xff\xfe" * 100}, "UTF-16"),
        ({"body": b"\xff\n" + jsonl(499)}, "499 problems"),
        ({"body": jsonl(500).replace(b'"answer": "7"', b'"answer": null')}, "499 problems"),
        ({"status": 302, "headers": {"Location": "/datasets"}}, "HTTP 302"),
    ],
)
def test_a_failed_fetch_is_an_error_that_leaves_nothing(
    hub: Hub, folder: Path, changes: dict[str, object], says: str
) -> None:
    for name, value in changes.items():
        setattr(hub, name, value)
    with pytest.raises(TtsError) as caught:
        load("math500", yes)
    assert says in caught.value.what
    assert caught.value.hint and caught.value.exit_code == 1
    assert not folder.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"rows": 3}', b'{"rows": [1]}', b"[" * 10**5, viewer(29)])
def test_a_viewer_that_sends_something_else_leaves_nothing(hub: Hub, folder: Path, body: bytes) -> None:
    hub.body = body
    with pytest.raises(TtsError, match="could not be fetched"):
        load("aime24", yes)
    assert not folder.exists()


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "nonsense", "http://", "http://[", "http://a b"])
def test_an_endpoint_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(TtsError, match="could not be fetched"):
        load("math500", yes)


def test_offline_means_offline(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(TtsError, match="HF_HUB_OFFLINE"):
        load("math500", yes)
    assert not hub.paths


def test_a_silent_server_runs_into_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr("tts_cli.hub.client.TIMEOUT", 0.05)
        with pytest.raises(TtsError, match="no answer in time"):
            load("math500", yes)


def test_a_data_directory_that_cannot_be_made_is_an_error(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TTS_DATA_DIR", str(tmp_path / "file" / "kept"))
    with pytest.raises(TtsError, match="cannot be made"):
        load("math500", yes)


def test_the_data_directory_is_the_users_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TTS_DATA_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tmp_path in paths.datasets_dir().parents
    assert paths.datasets_dir().parts[-2:] == ("tts", "datasets")
