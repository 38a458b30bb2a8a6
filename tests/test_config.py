"""Where a value comes from, and that a bad one is blamed on the place where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.config import Settings, environment_names, flag_name, resolve
from tts_cli.errors import UsageError


def files(tmp_path: Path, project: str | None = None, user: str | None = None) -> list[Path]:
    paths = [tmp_path / "tts.yaml", tmp_path / "config.yaml"]
    for path, text in zip(paths, (project, user), strict=True):
        if text is not None:
            path.write_text(text)
    return paths


def test_each_origin_gives_way_to_the_one_before(tmp_path: Path) -> None:
    found = files(tmp_path, "budget: 3\nseed: 3\nthreads: 3", "budget: 4\nseed: 4\nthreads: 4\nbeam-width: 4")
    environ = {"TTS_BUDGET": "2", "TTS_SEED": "2"}
    settings = resolve({"budget": 1, "seed": None}, environ, found)
    assert (settings.budget, settings.seed, settings.threads, settings.beam_width) == (1, 2, 3, 4)
    assert settings.method == "auto"


@pytest.mark.parametrize(
    ("flags", "environ", "project", "blamed"),
    [
        ({"budget": 0}, {}, None, "--budget is 0"),
        ({"budget": 100_000}, {}, None, "--budget is 100000"),
        ({"temperature": float("nan")}, {}, None, "--temperature is nan"),
        ({"top_p": 0.0}, {}, None, "--top-p is 0.0"),
        ({"seed": -1}, {}, None, "--seed is -1"),
        ({"max_time": 0.0}, {}, None, "--max-time is 0.0"),
        ({"min_confidence": 1.5}, {}, None, "--min-confidence is 1.5"),
        ({}, {"TTS_METHOD": "bem"}, None, "TTS_METHOD is 'bem'"),
        ({}, {"TTS_BUDGET": "many"}, None, "TTS_BUDGET is 'many'"),
        ({}, {}, "budget: many", "tts.yaml: budget is 'many'"),
        ({}, {}, "max-flops: -1", "tts.yaml: max_flops is -1"),
        ({}, {}, "policy: ''", "tts.yaml: policy is ''"),
    ],
)
def test_a_bad_value_names_its_origin(
    tmp_path: Path, flags: dict[str, Any], environ: dict[str, str], project: str | None, blamed: str
) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(flags, environ, files(tmp_path, project))
    assert blamed in caught.value.what
    assert "should" in caught.value.what
    assert caught.value.exit_code == 2


NUMERIC = [
    name
    for name, field in Settings.model_fields.items()
    if "int" in str(field.annotation) or "float" in str(field.annotation)
]


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("text", ["yes", "no", "on", "Off", "true", "False"])
def test_a_truth_value_is_no_number(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve({}, {}, files(tmp_path, f"{name}: {text}"))
    value = text.lower() in ("yes", "on", "true")
    assert caught.value.what.startswith(f"{tmp_path / 'tts.yaml'}: {name} is {value}, but it should be a number")
    with pytest.raises(UsageError, match=f"TTS_{name.upper()} is '{text}', but it should be a"):
        resolve({}, {f"TTS_{name.upper()}": text}, [])
    with pytest.raises(UsageError, match=f"{flag_name(name)} is {value}, but it should be a number, not a truth value"):
        Settings(**{name: value})


def test_there_are_numbers_and_truth_values_that_are_none(tmp_path: Path) -> None:
    assert len(NUMERIC) >= 14
    for text in ("yes", "on", "true"):
        assert resolve({}, {"TTS_VERIFY": text}, []).verify
        assert resolve({}, {}, files(tmp_path, f"verify: {text}")).verify
    assert resolve({}, {}, files(tmp_path, "temperature: 1\nbudget: '8'\nmax-flops: 1e12")).max_flops == 1e12


def test_a_good_flag_hides_a_bad_value_below_it(tmp_path: Path) -> None:
    assert resolve({"budget": 4}, {"TTS_BUDGET": "many"}, files(tmp_path)).budget == 4


def test_an_unknown_key_brings_close_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        resolve({}, {}, files(tmp_path, "budgte: 4"))
    assert "'budgte'" in caught.value.what
    assert "budget" in caught.value.hint


def test_variables_of_other_programs_are_left_alone(tmp_path: Path) -> None:
    assert resolve({}, {"TTS_HOME": "/x", "TTS_SEED": ""}, files(tmp_path)) == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [("budget: [", "not YAML (line 1)"), ("- 1", "no `key: value`"), ("budget", "no `key: value`")],
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve({}, {}, files(tmp_path, text))
    assert says in caught.value.what


def test_unreadable_files_are_refused_and_empty_ones_are_not(tmp_path: Path) -> None:
    assert resolve({}, {}, files(tmp_path, "", "# nothing\n")) == Settings()
    (tmp_path / "tts.yaml").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UsageError, match="not UTF-8"):
        resolve({}, {}, [tmp_path / "tts.yaml"])
    with pytest.raises(UsageError, match="cannot be read"):
        resolve({}, {}, [tmp_path])


@given(st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), st.text(max_size=8)))
def test_any_text_in_the_environment_is_a_setting_or_a_usage_error(values: dict[str, str]) -> None:
    environ = {"TTS_" + name.upper(): value for name, value in values.items()}
    try:
        resolve({}, environ, [])
    except UsageError as error:
        assert any(name in error.what for name in environ)


def test_every_setting_is_a_flag_of_solve(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from tts_cli.cli.app import run

    monkeypatch.setenv("COLUMNS", "200")
    assert run(["solve", "--help"]) == 0
    text = capsys.readouterr().out
    for name in Settings.model_fields:
        assert f"{flag_name(name)} " in text or f"{flag_name(name)}/" in text
    assert environment_names()["TTS_BEAM_WIDTH"] == "beam_width"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"beam_width": 0}, "--beam-width is 0"),
        ({"method": "mcts"}, "--method is 'mcts', but it should be 'auto'"),
        ({"effort": "huge"}, "--effort is 'huge'"),
        ({"aggregate": "median"}, "--aggregate is 'median'"),
        ({"select": "random"}, "--select is 'random'"),
        ({"temperature": -0.1}, "--temperature is -0.1"),
        ({"top_p": 1.5}, "--top-p is 1.5"),
        ({"max_step_tokens": 0}, "--max-step-tokens is 0"),
        ({"max_steps": 0}, "--max-steps is 0"),
        ({"max_tokens": 0}, "--max-tokens is 0"),
        ({"max_time": float("nan")}, "--max-time is nan"),
        ({"max_flops": -1.0}, "--max-flops is -1.0"),
        ({"budgte": 4}, "--budgte is 4, but it is no setting; did you mean budget?"),
        ({"x": 4}, "--x is 4, but it is no setting; known keys: "),
    ],
)
def test_a_bad_setting_is_refused_and_named(bad: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings(**bad)
    assert caught.value.what.startswith(says)
    assert not caught.value.what.endswith(("..", "?."))


def test_a_record_from_before_the_calculator_is_one_without_it() -> None:
    without, by_default = Settings(calculator=False).fingerprinted(), Settings().fingerprinted()
    assert "calculator" not in without and by_default == {**without, "calculator": True}
    assert resolve({}, {"TTS_CALCULATOR": "0"}, []).calculator is False
