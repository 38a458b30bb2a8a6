"""Bytes over a network and onto a disk that both fail: what is kept, what is fetched again, what is said."""

from __future__ import annotations

import errno
import hashlib
import json
import random
import threading
from pathlib import Path

import pytest

from tests.hub.conftest import DATA, FILE
from tests.hub.fake_hub import REPO, FakeHub, Fault
from tests.hub.killing import pull_through_kills, start
from tests.hub.test_plan import fill_cache
from tts_cli.errors import TtsError, UsageError
from tts_cli.hub import download, plan, pulled
from tts_cli.hub.reference import Reference, parse

PART, STATE = f".{FILE}.pull.part", f".{FILE}.json.part"


def pull(models: Path) -> list[str]:
    """Pull the repository's file; the notes."""
    notes: list[str] = []
    found = plan.make(Reference(REPO))
    download.pull_file(found, found.files[0], models / FILE, lambda count: None, notes.append)
    return notes


def cut(hub: FakeHub, models: Path, *lengths: int) -> None:
    """Leave a partial file: the connection breaks off after each of these lengths, then there are refusals."""
    hub.faults = [*(Fault(cut=length) for length in lengths), Fault(status=404)]
    with pytest.raises(TtsError, match="could not be fetched") as caught:
        pull(models)
    assert "the same command goes on" in caught.value.hint
    assert (models / PART).stat().st_size == sum(lengths) and not (models / FILE).exists()
    hub.ranges.clear()
    hub.sent = 0


def assert_whole(models: Path) -> None:
    assert (models / FILE).read_bytes() == DATA
    assert sorted(path.name for path in models.iterdir()) == sorted([FILE, f".{FILE}.json", f".{FILE}.lock"])


def test_a_file_comes_and_is_not_fetched_again(hub: FakeHub, models: Path) -> None:
    assert pull(models) == []
    assert_whole(models)
    pull(models)
    assert hub.ranges == [None]
    assert pulled.find(parse(f"hf:{REPO}:Q8_0")) == models / FILE
    assert pulled.find(parse(f"hf:{REPO}:Q4_K_M")) is None


@pytest.mark.parametrize("seed", range(3))
def test_it_goes_on_where_connections_broke_off(hub: FakeHub, models: Path, seed: int) -> None:
    cuts = [random.Random(seed).randrange(1, 70_000) for _ in range(4)]
    hub.faults = [Fault(cut=length) for length in cuts]
    notes = pull(models)
    assert len(notes) == 4 and all("broke off; trying again" in note for note in notes)
    starts = [sum(cuts[:count]) for count in range(1, 5)]
    assert hub.ranges == [None, *(f"bytes={start}-" for start in starts)]
    assert hub.sent == len(DATA)
    assert_whole(models)


def test_a_later_pull_goes_on(hub: FakeHub, models: Path) -> None:
    cut(hub, models, 100_000, 50_001)
    pull(models)
    assert hub.ranges == ["bytes=150001-"] and hub.sent == len(DATA) - 150_001
    assert_whole(models)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_passes_is_tried_again(hub: FakeHub, models: Path, status: int) -> None:
    hub.faults = [Fault(status=status), Fault(cut=1000), Fault(status=status, headers={"Retry-After": "0"})]
    assert len(pull(models)) == 3
    assert_whole(models)


def test_the_wait_that_is_asked_for_is_kept(hub: FakeHub, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tts_cli.hub.download.time.sleep", waits.append)
    hub.faults = [Fault(status=429, headers={"Retry-After": "7"})]
    assert pull(models) == ["note: too many requests (HTTP 429); trying again in 7 s."]
    assert waits.count(7.0) == 1
    (models / FILE).unlink()
    hub.faults = [Fault(status=429, headers={"Retry-After": "3600"})]
    with pytest.raises(TtsError, match="too many requests"):
        pull(models)


@pytest.mark.parametrize(("status", "says"), [(401, "HF_TOKEN"), (403, "HF_TOKEN"), (404, "not there"), (410, "410")])
def test_what_stays_is_not_tried_again(hub: FakeHub, models: Path, status: int, says: str) -> None:
    hub.faults = [Fault(status=status)]
    with pytest.raises(TtsError, match=says):
        pull(models)
    assert len(hub.ranges) == 1


def test_tries_end(hub: FakeHub, models: Path) -> None:
    hub.faults = [Fault(cut=5000)] + 9 * [Fault(status=500)]
    with pytest.raises(TtsError, match="HTTP 500") as caught:
        pull(models)
    assert len(hub.faults) == 6 and "0.0 MB are kept" in caught.value.hint
    hub.faults = []
    pull(models)
    assert hub.ranges[-1] == "bytes=5000-"


def test_a_gated_repository_says_what_to_do(hub: FakeHub, models: Path) -> None:
    hub.info, hub.faults = {"gated": "manual"}, [Fault(status=403)]
    with pytest.raises(TtsError, match=f"accept its terms on huggingface.co/{REPO} and set HF_TOKEN"):
        pull(models)


def test_a_server_without_ranges_sends_all_again(hub: FakeHub, models: Path) -> None:
    cut(hub, models, 100_000)
    hub.faults = [Fault(no_range=True)]
    pull(models)
    assert hub.sent == len(DATA)
    assert_whole(models)


def test_a_partial_file_that_is_too_long_is_dropped(hub: FakeHub, models: Path) -> None:
    cut(hub, models, 100_000)
    (models / PART).write_bytes(DATA + b"x")
    pull(models)
    assert hub.ranges == [None]
    assert_whole(models)


def test_a_range_that_is_refused_starts_anew(hub: FakeHub, models: Path) -> None:
    cut(hub, models, 100_000)
    hub.faults = [Fault(status=416)]
    pull(models)
    assert hub.ranges == ["bytes=100000-", None]
    assert_whole(models)


def test_a_partial_file_that_was_all_there_needs_no_request(hub: FakeHub, models: Path) -> None:
    cut(hub, models, 100_000)
    (models / PART).write_bytes(DATA)
    pull(models)
    assert hub.ranges == []
    assert_whole(models)


def test_a_wrong_hash_is_not_kept(hub: FakeHub, models: Path) -> None:
    hub.faults = [Fault(content=bytes(len(DATA)))]
    with pytest.raises(TtsError, match="another SHA-256"):
        pull(models)
    assert not (models / FILE).exists() and (models / PART).stat().st_size == 0
    pull(models)
    assert_whole(models)


def test_a_damaged_partial_file_is_fetched_anew_once(hub: FakeHub, models: Path) -> None:
    cut(hub, models, 100_000)
    (models / PART).write_bytes(bytes(100_000))
    assert "fetched anew" in pull(models)[-1]
    assert hub.ranges == ["bytes=100000-", None]
    assert_whole(models)


def test_another_length_than_was_published_is_refused(hub: FakeHub, models: Path) -> None:
    hub.faults = 4 * [Fault(content=DATA + b"x")]
    with pytest.raises(TtsError, match="300001 bytes were announced, not 300000"):
        pull(models)
    assert not (models / FILE).exists()


def test_a_file_that_changed_between_tries_is_fetched_anew(hub: FakeHub, models: Path) -> None:
    hub.files[FILE] = DATA[::-1]
    cut(hub, models, 100_000)
    hub.files[FILE] = DATA
    pull(models)
    assert hub.ranges == [None]
    assert_whole(models)


@pytest.mark.parametrize("changed", [False, True])
def test_without_a_hash_the_etag_says_whether_it_changed(hub: FakeHub, models: Path, changed: bool) -> None:
    hub.sha256 = {FILE: None}
    hub.files[FILE] = DATA[::-1] if changed else DATA
    cut(hub, models, 100_000)
    hub.files[FILE], hub.etag = DATA, '"two"' if changed else hub.etag
    pull(models)
    assert hub.sent == len(DATA) - (0 if changed else 100_000)
    assert_whole(models)


@pytest.mark.parametrize("state", ["", "[]", "{", "null", '{"what": 3}', "[" * 100_000])
def test_a_partial_file_of_unknown_origin_is_not_trusted(hub: FakeHub, models: Path, state: str) -> None:
    cut(hub, models, 100_000)
    (models / STATE).write_text(state)
    pull(models)
    assert hub.ranges == [None]
    assert_whole(models)


def test_after_a_reboot_only_flushed_bytes_are_trusted(
    hub: FakeHub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "SYNC", 1 << 17)
    cut(hub, models, 200_000)
    synced = json.loads((models / STATE).read_text())["synced"]
    assert 1 << 17 <= synced < 200_000
    monkeypatch.setattr("tts_cli.hub.download.boot_time", lambda: 1.0)
    pull(models)
    assert hub.ranges == [f"bytes={synced}-"]
    assert_whole(models)


def test_a_full_disk_ends_with_an_error_and_what_had_come(
    hub: FakeHub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __init__(self, stream: object) -> None:
            self.stream, self.left = stream, 100_000

        def __getattr__(self, name: str) -> object:
            return getattr(self.stream, name)

        def write(self, data: memoryview) -> int:
            if not self.left:
                raise OSError(errno.ENOSPC, "No space left on device")
            written: int = self.stream.write(data[: self.left])  # type: ignore[attr-defined]
            self.left -= written
            return written

    with monkeypatch.context() as patch:
        init = download.Partial.save

        def save(self: download.Partial) -> None:
            if not isinstance(self.stream, Full):
                self.stream = Full(self.stream)  # type: ignore[assignment]
            init(self)

        patch.setattr(download.Partial, "save", save)
        with pytest.raises(TtsError, match="no space left on device") as caught:
            pull(models)
    assert "Make room" in caught.value.hint and len(hub.ranges) == 1
    assert (models / PART).read_bytes() == DATA[:100_000]
    pull(models)
    assert hub.ranges[1:] == ["bytes=100000-"]
    assert_whole(models)


def test_a_directory_that_cannot_be_made_is_an_error(hub: FakeHub, models: Path) -> None:
    models.write_text("a file")
    with pytest.raises(TtsError, match="cannot take the model") as caught:
        pull(models)
    assert "TTS_MODELS_DIR" in caught.value.hint


def test_another_file_of_that_name_is_left_alone(hub: FakeHub, models: Path) -> None:
    models.mkdir()
    for content in (b"mine", DATA[::-1]):
        (models / FILE).write_bytes(content)
        with pytest.raises(TtsError, match="is another file of that name"):
            pull(models)
        assert (models / FILE).read_bytes() == content
    (models / FILE).write_bytes(DATA)  # brought by hand
    pull(models)
    assert hub.ranges == []
    assert_whole(models)


def test_the_shared_cache_is_used(hub: FakeHub, models: Path, tmp_path: Path) -> None:
    digest = fill_cache(tmp_path / "hf")
    pull(models)
    assert hub.ranges == []
    assert_whole(models)
    (models / FILE).unlink()
    blob = next((tmp_path / "hf").rglob(digest))
    blob.write_bytes(DATA[::-1])  # damaged
    pull(models)
    assert hub.ranges == [None] and blob.exists()
    assert_whole(models)


def test_two_pulls_at_once_fetch_it_once(hub: FakeHub, models: Path) -> None:
    hub.pace = 0.02
    notes: list[list[str]] = []
    threads = [threading.Thread(target=lambda: notes.append(pull(models))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hub.ranges == [None]
    assert sorted(notes) == [[], [f"note: Another tts fetches {FILE}: waiting for it."]]
    assert_whole(models)


def test_two_processes_at_once_fetch_it_once(hub: FakeHub, models: Path) -> None:
    models.mkdir()
    hub.pace = 0.1
    ended = [process.communicate(timeout=60) for process in [start(hub, models), start(hub, models)]]
    assert [out for out, _ in ended] == 2 * [f"{models / FILE}\n"], ended
    assert hub.ranges == [None]
    assert_whole(models)


def test_kills_lose_little(hub: FakeHub, models: Path) -> None:
    """The benchmark's measurement, small: what was sent but not yet written is lost, a chunk or two a kill."""
    models.mkdir()
    data = random.Random(3).randbytes(5_000_000)
    hub.files, hub.pace = {FILE: data}, 0.005
    path = pull_through_kills(hub, models, len(data), kills=5, seed=3)
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
    assert any(start is not None for start in hub.ranges)
    assert hub.sent < 1.25 * len(data)


def test_of_several_pulled_files_one_must_be_named(hub: FakeHub, models: Path) -> None:
    hub.files = {FILE: DATA, "tiny-Q4_0.gguf": DATA[:5000]}
    for quant in ("Q8_0", "Q4_0"):
        found = plan.make(Reference(REPO, quant))
        download.pull_file(found, found.files[0], models / found.files[0].name, lambda count: None, lambda note: None)
    assert pulled.find(Reference(REPO, "q4_0")) == models / "tiny-Q4_0.gguf"
    with pytest.raises(UsageError, match="ambiguous") as caught:
        pulled.find(Reference(REPO))
    assert f"hf:{REPO}/tiny-Q4_0.gguf" in caught.value.hint
