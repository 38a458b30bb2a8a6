"""The bundled models: their formats as declared are the ones they were exported with, and together they are small."""

from __future__ import annotations

import pytest

from tts_cli.models import registry
from tts_cli.models.backends.llama_cpp import BranchPrefix
from tts_cli.models.load import load_policy, load_prm, resolve_pair
from tts_cli.paths import PACKAGED
from tts_cli.protocols import Finish, SampleKey, Sampling, Usage

PROBLEM = "Compute 2 + 3."
NANO, PRM = (registry.read().models[name] for name in ("nano", "nano-prm"))

pytestmark = pytest.mark.skipif(
    not (registry.find_file(NANO) and registry.find_file(PRM)), reason="the bundled models are not built yet"
)


def test_nano_writes_steps_and_a_box() -> None:
    policy = load_policy("nano", threads=1)
    vocab = policy.engine.vocab
    assert policy.prompt_tokens(PROBLEM) == vocab.tokenize(f"<|problem|>{PROBLEM}<|solution|>", special=True)
    step, prefix = None, policy.start(PROBLEM, Usage())
    for depth in range(8):
        job = policy.sample(prefix, SampleKey(0, "p", (0,) * depth), Sampling(temperature=0))
        while not job.done:
            policy.advance()
        step = job.result()
        assert step.text
        if step.finish is not Finish.STEP:
            break
        prefix = step.prefix  # type: ignore[assignment]
    assert step is not None and (step.finish, step.text[-10:], step.answered) == (Finish.EOS, "\\boxed{5}.", True)
    policy.close()


def test_nano_prm_is_read_at_the_blank_line() -> None:
    prm = load_prm("nano-prm", threads=1)
    job = prm.score(prm.start(PROBLEM, Usage()), "\\boxed{5}")
    while not job.done:
        prm.advance()
    scored = job.result()
    assert isinstance(scored.prefix, BranchPrefix)
    assert scored.prefix.branch.tokens[-1] == prm.engine.vocab.tokenize("\n\n", special=False)[-1]
    assert 0 <= scored.score <= 1
    prm.close()


def test_all_models_in_the_package_are_small_and_have_a_name() -> None:
    bundled = sorted(path.name for path in PACKAGED.glob("*.gguf"))
    assert sum((PACKAGED / name).stat().st_size for name in bundled) < 15_000_000
    assert set(bundled) <= {entry.file for entry in registry.read().models.values()}


def test_the_family_knows_its_prms() -> None:
    family = {name: entry for name, entry in registry.read().models.items() if entry.family == "nano"}
    assert all(entry.demonstration and entry.note and entry.file == f"{name}.gguf" for name, entry in family.items())
    assert {entry.prm for entry in family.values() if entry.role == "policy"} == {"nano-prm"}
    assert all(bool(entry.measured) == bool(entry.measured_by) for entry in family.values())


def test_a_policy_takes_its_own_prm_unless_one_is_named() -> None:
    known = registry.read()
    for named, own_prm, taken in (
        (None, True, "nano-prm"),
        ("versaprm", True, "versaprm"),
        ("versaprm", False, "versaprm"),
        (None, False, None),
        ("none", True, None),
    ):
        pair = resolve_pair("nano-medium", named, own_prm=own_prm, registry=known)
        assert (pair.policy.name, pair.prm and pair.prm.name) == ("nano-medium", taken)
        assert pair.registry is known
