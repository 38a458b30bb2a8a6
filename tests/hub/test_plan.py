"""Which files a reference means, and what the Hub's answer may do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.hub.conftest import DATA, FILE
from tests.hub.fake_hub import COMMIT, REPO, FakeHub
from tts_cli.errors import ModelError, TtsError, UsageError
from tts_cli.hub import plan
from tts_cli.hub.reference import Reference, is_safe, parse, quant_of

SPLIT = [f"Q4/big-Q4_K_M-0000{number}-of-00003.gguf" for number in (1, 2, 3)]


def names(text: str) -> list[str]:
    return [file.path for file in plan.make(parse(text)).files]


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("hf:a/b", Reference("a/b")),
        ("hf:a/b:Q4_K_M", Reference("a/b", quant="Q4_K_M")),
        ("hf:a-1/b.c_d/sub dir/x.gguf", Reference("a-1/b.c_d", file="sub dir/x.gguf")),
    ],
)
def test_a_reference_is_read_and_written(text: str, reference: Reference) -> None:
    assert parse(text) == reference and str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        "hf:", "hf:a", "hf:a/", "hf:/b", "a/b", "hf:../b", "hf:a/..", "hf:a/b..c", "hf:a/b:", "hf:a/b:../x",
        "hf:a/b/../x.gguf", "hf:a/b//x.gguf", "hf:a/b/x\\y.gguf", "hf:a/b/x\n.gguf", "hf:a/b/.x.gguf", "hf:a/b/x.bin",
        "hf:a/b?x=1", "hf:a b/c", "hf:\x00/b", "hf:a/b/" + "x" * 300 + ".gguf",
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@pytest.mark.parametrize(
    ("path", "quant"),
    [
        ("m-q8_0.gguf", "q8_0"), ("m.Q4_K_M.gguf", "Q4_K_M"), ("m-IQ2_XXS-00001-of-00002.gguf", "IQ2_XXS"),
        ("UD/m-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"), ("m-bf16.gguf", "bf16"), ("Qwen3.gguf", None), ("F16/m.gguf", None),
    ],
)  # fmt: skip
def test_a_quantisation_is_read_from_a_name(path: str, quant: str | None) -> None:
    assert quant_of(path) == quant


def test_the_plan_says_what_would_come(hub: FakeHub) -> None:
    found = plan.make(parse(f"hf:{REPO}"))
    file = plan.RemoteFile(FILE, len(DATA), hashlib.sha256(DATA).hexdigest())
    assert found == plan.PullPlan(REPO, COMMIT, (file,), "mit", gated=False)
    assert not hub.ranges


def test_a_quantisation_or_a_file_is_chosen(hub: FakeHub) -> None:
    hub.files = dict.fromkeys((FILE, "tiny-Q4_K_M.gguf", "mmproj-Q4_K_M.gguf"), b"x")
    assert names(f"hf:{REPO}:q4_k_m") == ["tiny-Q4_K_M.gguf"]
    assert names(f"hf:{REPO}/{FILE}") == [FILE]
    with pytest.raises(UsageError, match="is ambiguous") as caught:
        names(f"hf:{REPO}")
    assert f"hf:{REPO}:Q4_K_M (" in caught.value.hint and f"hf:{REPO}:Q8_0 (" in caught.value.hint
    for absent in (":Q5_K_M", "/other.gguf"):
        with pytest.raises(UsageError, match="has no file for") as caught:
            names(f"hf:{REPO}{absent}")
        assert f"hf:{REPO}:Q8_0 (" in caught.value.hint


def test_a_quantisation_of_two_files_is_ambiguous(hub: FakeHub) -> None:
    hub.files = {"a-Q8_0.gguf": b"x", "b-Q8_0.gguf": b"x"}
    with pytest.raises(UsageError, match="ambiguous") as caught:
        names(f"hf:{REPO}:Q8_0")
    assert f"hf:{REPO}/a-Q8_0.gguf" in caught.value.hint


def test_all_parts_of_a_split_model_belong_to_it(hub: FakeHub) -> None:
    hub.files = dict.fromkeys([*reversed(SPLIT), FILE], b"x")
    assert names(f"hf:{REPO}:Q4_K_M") == SPLIT
    assert names(f"hf:{REPO}/{SPLIT[1]}") == SPLIT
    del hub.files[SPLIT[1]]
    with pytest.raises(UsageError, match="parts of it are missing"):
        names(f"hf:{REPO}:Q4_K_M")


def test_a_repository_without_gguf_is_refused(hub: FakeHub) -> None:
    hub.files = {"model.safetensors": b"x"}
    with pytest.raises(UsageError, match="has no GGUF file") as caught:
        names(f"hf:{REPO}")
    assert "-GGUF" in caught.value.hint


@pytest.mark.parametrize(
    "path",
    ["../x.gguf", "/x.gguf", "a/../../x.gguf", "..\\x.gguf", ".x.gguf", "a/-x.gguf", "x\x1b[0m.gguf", "a//x.gguf"],
)
def test_the_hub_cannot_name_a_file_elsewhere(hub: FakeHub, path: str) -> None:
    assert not is_safe(path)
    hub.files = {path: b"x"}
    with pytest.raises(UsageError, match="has no GGUF file"):
        names(f"hf:{REPO}")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "no such repository, or it is private"),
        (403, "refused"),
        (404, "no such repo"),
        (429, "too many"),
        (500, "500"),
    ],
)
def test_a_hub_that_refuses_is_an_error_with_a_hint(hub: FakeHub, status: int, says: str) -> None:
    hub.info_status = status
    with pytest.raises(TtsError, match=says) as caught:
        names(f"hf:{REPO}")
    assert caught.value.hint


@pytest.mark.parametrize(
    "info",
    [
        {"sha": "../../x"}, {"sha": None}, {"siblings": None}, {"siblings": [3]}, {"siblings": [{}]},
        {"siblings": [{"rfilename": "x.gguf"}]}, {"siblings": [{"rfilename": "x.gguf", "size": -1}]},
        {"siblings": [{"rfilename": "x.gguf", "lfs": {"size": 3, "sha256": "../x"}}]},
        {"siblings": [{"rfilename": "x.gguf", "lfs": 3}]},
    ],
)  # fmt: skip
def test_nonsense_from_the_api_is_an_error(hub: FakeHub, info: dict[str, object]) -> None:
    hub.info = info
    with pytest.raises(TtsError, match="could not be read"):
        names(f"hf:{REPO}")


def test_the_token_goes_to_the_hub(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    names(f"hf:{REPO}")
    assert [token for _, token in hub.tokens] == ["Bearer hf_secret"]


def test_offline_it_says_so(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        names(f"hf:{REPO}")
    assert not hub.tokens


def test_offline_the_shared_cache_is_read(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    digest = fill_cache(tmp_path / "hf")
    found = plan.make(parse(f"hf:{REPO}:Q8_0"))
    assert found.revision == COMMIT and found.files == (plan.RemoteFile(FILE, len(DATA), digest),)


def fill_cache(home: Path) -> str:
    """As huggingface_hub leaves it; the file's SHA-256."""
    root, digest = home / "hub" / f"models--{REPO.replace('/', '--')}", hashlib.sha256(DATA).hexdigest()
    for folder in ("blobs", "refs", f"snapshots/{COMMIT}"):
        (root / folder).mkdir(parents=True)
    (root / "blobs" / digest).write_bytes(DATA)
    (root / "refs" / "main").write_text(COMMIT)
    (root / "snapshots" / COMMIT / FILE).symlink_to(Path("../../blobs") / digest)
    return digest
