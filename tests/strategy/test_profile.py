"""The profile's file: what is written comes back, what is none is refused in plain words, and which one is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.strategy.profiles import COUNT, POLICY, PRM, RIGHT, logistic, profile
from tts_cli.config import Settings
from tts_cli.errors import TtsError, UsageError
from tts_cli.evaluation.profile_fit import fit
from tts_cli.solving.wording import of_mismatch, of_unfit
from tts_cli.strategy.mixture import Mixture
from tts_cli.strategy.profile import Mismatch, ModelFile, Profile, Unfit, differs, fitting, read, samples_as, write
from tts_cli.strategy.rules import CalibratedRule

OWN = samples_as(Settings())


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "made" / "here" / "p.yaml"
    figures = {"fixed": {"best-of-n 4": {"right": {"value": 0.5}}}, "note": "yes: no", "none": None}
    made = profile(made="2026-05-06").model_copy(update={"figures": figures})
    write(path, made)
    assert read(path) == made
    assert read(path).key == made.key != profile().key


def test_numbers_that_were_fitted_come_back_to_the_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(80, COUNT)) * 10.0 ** rng.integers(-8, 8, COUNT)).tolist()
    model = fit(values, rng.integers(0, 2, 80).tolist())
    write(tmp_path / "p.yaml", profile(convinced=model))
    again = read(tmp_path / "p.yaml").convinced
    assert [again(row) for row in values] == [model(row) for row in values]


def test_a_person_can_read_it(tmp_path: Path) -> None:
    write(tmp_path / "p.yaml", profile())
    text = (tmp_path / "p.yaml").read_text()
    assert text.startswith("format: tts-profile\nversion: 3\n")
    assert "features: [agreement, share," in text and "    16 read:" in text
    assert max(map(len, text.splitlines())) < 130


def test_names_that_yaml_would_take_for_something_else(tmp_path: Path) -> None:
    made = profile(policy=ModelFile(name="1e5", content="0123", parameters=1), made="2026-01-02", tts="1.0")
    write(tmp_path / "p.yaml", made)
    assert read(tmp_path / "p.yaml") == made


def test_a_place_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TtsError, match=r"directory .*file.* cannot be made"):
        write(tmp_path / "file" / "p.yaml", profile())


# What is none

Change = Callable[[dict[str, Any]], Any]


def content() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(yaml.safe_dump(profile().model_dump(mode="json")))
    return found


def refusal(path: Path) -> str:
    """The sentence and the hint, both on one line."""
    with pytest.raises(UsageError) as error:
        read(path)
    assert str(path) in error.value.what and error.value.what.count("\n") == 0
    assert error.value.what.endswith(".") and error.value.hint.endswith(".")
    return error.value.what


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.update(version=1), "made by another version of tts (0)"),
        (lambda c: c.update(features=["agreement"] * COUNT), "made by another version of tts (0)"),
        (lambda c: c.update(format="tts-trace"), "format: input should be 'tts-profile'"),
        (lambda c: c.update(surprise=1), "surprise: extra inputs are not permitted"),
        (lambda c: c.pop("convinced"), "convinced: field required"),
        (lambda c: c.update(stages=[]), "stages: tuple should have at least 1 item"),
        (lambda c: c["convinced"].update(bias=float("nan")), "convinced.bias: input should be a finite number"),
        (lambda c: c["convinced"]["weights"].__setitem__(0, float("inf")), "weights.0: input should be a finite"),
        (lambda c: c["convinced"].update(weights=[1.0]), "weights, centre and scale are of different lengths"),
        (lambda c: c["convinced"]["scale"].__setitem__(3, 0.0), "convinced.scale.3: input should be greater than 0"),
        (lambda c: c["convinced"].update(weights=[1], centre=[0], scale=[1]), "more or fewer weights than there are"),
        (lambda c: c["stages"].reverse(), "the stages do not ascend"),
        (lambda c: c["stages"][0].update(flops=0), "stages.0.flops: input should be greater than 0"),
        (lambda c: c["stages"][1].update(later=c["stages"][0]["later"]), "stage 4 read names a later one that is"),
        (lambda c: c["best_of_n"].update({"4": 1}), "best_of_n.4: input should be a valid dictionary"),
        (lambda c: c["stages"][0].update(later={"4 drawn": c["stages"][0]["later"]["4 read"]}), "stage 4 drawn names"),
        (lambda c: c.update(solution_flops=0), "solution_flops: input should be greater than 0"),
    ],
)
def test_what_is_no_profile_is_refused(tmp_path: Path, change: Change, says: str) -> None:
    changed = content()
    change(changed)
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(changed))
    assert says in refusal(path)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "is not a profile: input should be a valid dictionary"),
        (b"- 1\n", "valid dictionary"),
        (b"a: 1\nb: [1,\n", "is not a profile: line 3: expected the node content"),
        (b"made: 2026-13-45\n", "is not a profile: month must be in 1..12"),
        (b"!!python/object:os.system {}\n", "could not determine a constructor"),
        (b"\xff\xfe\x00", "it is not UTF-8 text"),
        (b"[" * 5000, "is not a profile"),
    ],
)
def test_files_of_other_kinds_are_refused(tmp_path: Path, raw: bytes, says: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(raw)
    assert says.lower() in refusal(path).lower()


def test_a_directory_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read: is a directory" in refusal(tmp_path)
    assert "cannot be read: no such file or directory" in refusal(tmp_path / "absent.yaml")


# Which one is used


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"policy": POLICY.model_copy(update={"content": "zz"})}, "its policy is another file of p (aa, here zz)"),
        ({"prm": PRM.model_copy(update={"content": "zz"})}, "its PRM is another file of r (bb, here zz)"),
        ({"policy": ModelFile(name="q", content="zz", parameters=1)}, "its policy is p, not q (aa, here zz)"),
        ({"settings": OWN | {"temperature": 0.5}}, "it was made with temperature 0.7, not 0.5"),
        ({"settings": OWN | {"select": "max"}}, "it was made with select weighted, not max"),
        ({"settings": OWN | {"calculator": "off"}}, "it was made with calculator on, not off"),
        ({"settings": OWN | {"new": 3}}, "it was made with new None, not 3"),
    ],
)
def test_each_difference_is_named(changes: dict[str, Any], says: str) -> None:
    here: dict[str, Any] = {"policy": POLICY, "prm": PRM, "settings": OWN}
    assert differs(profile(), **here) is None
    mismatch = differs(profile(), **here | changes)
    assert mismatch is not None and of_mismatch(mismatch) == says


def test_a_profile_from_before_the_calculator_is_one_without_it() -> None:
    older = profile(settings={name: value for name, value in OWN.items() if name != "calculator"})
    assert differs(older, POLICY, PRM, OWN) == Mismatch("calculator", "off", "on")
    assert differs(older, POLICY, PRM, samples_as(Settings(calculator=False))) is None


def test_a_vote_by_a_mixture_that_is_not_there_is_refused() -> None:
    mixed = {"aggregate": "min", "select": "weighted", "mixed": True}
    with pytest.raises(ValueError, match="it votes by a mixture, and there is none"):
        profile(vote=mixed)
    mixture = Mixture(aggregate="min", prm=0.5)
    assert CalibratedRule(profile(vote=mixed, mixture=mixture), "normal", 16).mixture == mixture
    assert CalibratedRule(profile(mixture=mixture), "normal", 16).mixture is None, "it is worth more another way"


def test_what_samples_and_votes_do_not_depend_on_is_no_difference() -> None:
    other = {"budget": 8, "beam_width": 2, "effort": "max", "seed": 7, "max_time": 3, "min_confidence": 0.9}
    assert differs(profile(), POLICY, PRM, samples_as(Settings(**other, verify=True))) is None
    assert differs(profile(), POLICY.model_copy(update={"name": "renamed", "parameters": 0}), PRM, OWN) is None
    for change in ({"temperature": 0.1}, {"top_p": 0.5}, {"aggregate": "min"}, {"select": "max"}, {"prm_format": "x"}):
        assert differs(profile(), POLICY, PRM, samples_as(Settings(**other | change)))


def saved(folder: Path, name: str, made: Profile) -> Path:
    write(folder / name, made)
    return folder / name


def test_the_first_that_fits_is_taken(tmp_path: Path) -> None:
    other = saved(tmp_path, "other.yaml", profile(policy=ModelFile(name="q", content="qq", parameters=1)))
    first = saved(tmp_path, "first.yaml", profile(made="2026-05-01"))
    second = saved(tmp_path, "second.yaml", profile(made="2026-06-01"))
    found, unfit = fitting([other, first, second], POLICY, PRM, OWN)
    assert found is not None and (found.made, unfit) == ("2026-05-01", None)
    assert fitting([other], POLICY, PRM, OWN) == (None, None), "of other models there is nothing to say"
    assert fitting([], POLICY, PRM, OWN) == (None, None)


def test_one_for_models_of_these_names_that_does_not_fit_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path, "mine.yaml", profile())
    found, unfit = fitting([path], POLICY, PRM.model_copy(update={"content": "zz"}), OWN)
    assert found is None and unfit is not None
    assert of_unfit(unfit) == "the profile mine.yaml is not for this run (its PRM is another file of r (bb, here zz))"


def test_one_of_another_version_is_passed_over(tmp_path: Path) -> None:
    """An upgrade of tts must not end what was solved before it."""
    old, new = saved(tmp_path, "old.yaml", profile()), saved(tmp_path, "z.yaml", profile(made="2026-06-01"))
    old.write_text(old.read_text().replace("version: 3", "version: 2"))
    found, unfit = fitting([old, new], POLICY, PRM, OWN)
    assert found is not None and (found.made, unfit) == ("2026-06-01", None)
    assert fitting([old], POLICY, PRM, OWN) == (None, Unfit("old.yaml", None))
    assert fitting([old], POLICY, PRM.model_copy(update={"name": "s"}), OWN) == (None, None)
    old.write_text("format: tts-profile\nversion: 1\npolicy: p\n")
    assert fitting([old], POLICY, PRM, OWN) == (None, None)


def test_a_broken_one_is_named_wherever_it_stands(tmp_path: Path) -> None:
    good, bad = saved(tmp_path, "good.yaml", profile()), tmp_path / "bad.yaml"
    bad.write_text("nonsense")
    with pytest.raises(UsageError, match=r"bad\.yaml is not a profile"):
        fitting([bad, good], POLICY, PRM, OWN)


def test_stages_are_found_by_their_samples_and_whether_they_are_read() -> None:
    made = profile()
    assert [stage.name for stage in made.stages] == ["4 drawn", "4 read", "8 read", "16 read"]
    assert made.stage(4, read=True) == made.stages[1] and made.stage(4, read=False) == made.stages[0]
    assert made.stage(8, read=False) is None and made.stage(5, read=True) is None
    assert made.stages[0].right == RIGHT != logistic(0, 0)


def test_a_profile_without_a_prm_is_for_the_policy_alone() -> None:
    alone = profile().model_copy(update={"prm": None})
    assert differs(alone, POLICY, None, OWN) is None
    for made, here, own, other in ((alone, PRM, "none", PRM.name), (profile(), None, PRM.name, "none")):
        assert differs(made, POLICY, here, OWN) == Mismatch("PRM", own, other)
