"""A head on nano's own states: what it reads off while nano writes is what it would read, and costs no token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.models.prm.test_head_file import FIELDS
from tts_cli.engine import Engine
from tts_cli.models.backends.llama_cpp import LlamaPolicy, LlamaPRM
from tts_cli.models.backends.own_states import OwnStatesPRM
from tts_cli.models.content import of_file
from tts_cli.models.load import load_policy, load_prm, resolve, resolve_pair
from tts_cli.models.prm.head_file import HeadCard, HeadFile
from tts_cli.models.prm.likelihoods import NAMES
from tts_cli.models.prm.states import prompt_text
from tts_cli.models.registry import locate, read
from tts_cli.protocols import Prefix, SampledStep, SampleKey, Sampling, Usage
from tts_cli.search.context import Search
from tts_cli.search.tree import Node, path_to
from tts_cli.solver import Solver

PROBLEMS = (
    "Compute 347 * 28 - 19 * 41.",
    "What is 5/6 - 1/4?",
    "Tom has 3 boxes of 12 pens. He gives 7 away. What is left?",
)
CLOSE = 0.01
"""Of scores that range over half of [0, 1]. Most are equal; rounding moves a quantized model's states by 2 % of their
range at most where a step that gave way was run again, and a head of random weights shows it."""


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head that reads all there is of nano."""
    known = read()
    nano = known.entry("nano")
    with Engine(locate(nano), threads=1) as engine:
        n_embd = engine.n_embd
    backbone = {"name": "nano", "architecture": "llama", "content": of_file(locate(nano)), "n_embd": n_embd}
    layout = {"prompt": prompt_text(nano, known)[1], "separator": nano.separator}
    fields = FIELDS | {"inputs": ["end", "mean", "doubtful", "likelihoods"], "backbone": backbone, "layout": layout}
    card = HeadCard.model_validate(fields | {"calibration": {"slope": 1.0, "intercept": 0.0}})
    weight = np.random.default_rng(0).normal(scale=0.1, size=card.width).astype(np.float32)
    weight[-len(NAMES) :] *= 0.3
    path = tmp_path_factory.mktemp("own") / "nano-head.safetensors"
    HeadFile(card, {"weight": weight, "bias": np.zeros(1, np.float32)}).write(path)
    return path


@pytest.fixture(scope="module")
def reader(head: Path) -> Iterator[LlamaPRM]:
    """The same head, which has no policy beside it and reads."""
    prm = load_prm(resolve(str(head), "prm", policy=read().entry("nano")), threads=1)
    yield prm
    prm.close()


@pytest.fixture
def policy() -> Iterator[LlamaPolicy]:
    loaded = load_policy("nano", threads=1)
    yield loaded
    loaded.close()


def chain(prm: LlamaPRM, problem: str, steps: list[str]) -> list[float]:
    """The scores of a solution's steps, one after another."""
    prefixes: list[Prefix] = [prm.start(problem, Usage())]
    scores = []
    for step in steps:
        job = prm.score(prefixes[-1], step)
        while not job.done:
            prm.advance()
        scores.append(job.result().score)
        prefixes.append(job.result().prefix)
    for prefix in reversed(prefixes):
        prm.release(prefix)
    return scores


def ends(search: Search) -> list[Node]:
    return [node for node in search.nodes() if node.score is not None and not node.children]


@pytest.mark.parametrize(("method", "ctx_size"), [("best-of-n", 0), ("beam", 0), ("best-of-n", 256)])
def test_scores_are_those_of_reading(
    head: Path, reader: LlamaPRM, monkeypatch: pytest.MonkeyPatch, method: str, ctx_size: int
) -> None:
    """Also where the context is so small that steps give way and are run again."""
    begun: list[Search] = []
    opened = Search.open
    monkeypatch.setattr(Search, "open", lambda search: (begun.append(search), opened(search))[1])
    settings = {
        "method": method,
        "budget": 16,
        "temperature": 1.0,
        "seed": 3,
        "threads": 1,
        "ctx_size": ctx_size,
        "calculator": False,
    }
    with Solver(policy="nano", prm=str(head), **settings) as solver:
        list(solver.solve_many(PROBLEMS))
        assert isinstance(solver.prm, OwnStatesPRM) and isinstance(solver.policy, LlamaPolicy)
        assert not solver.policy.engine.busy and not solver.prm._written._problems
        rows = solver.policy.engine.work.rows
    assert rows == sum(search.policy_usage.total for search in begun)
    paths = [(search.problem, node) for search in begun for node in ends(search)]
    found = np.array([one.score for _, node in paths for one in path_to(node)], float)
    expected = np.array([score for problem, node in paths for score in chain(reader, problem, node.steps)])
    assert np.abs(found - expected).max() < CLOSE and np.median(np.abs(found - expected)) < CLOSE / 100
    assert len(begun) == 3 and len(found) > 30 and np.ptp(found) > 0.3


def test_no_token_is_run_twice(head: Path) -> None:
    """Beside what majority voting runs for the same samples: the separator after each last step."""
    records = []
    for prm, method in (("none", "majority"), (str(head), "best-of-n")):
        with Solver(policy="nano", prm=prm, method=method, budget=8, calculator=False, threads=1) as solver:
            records.append([solver.solve(problem) for problem in PROBLEMS])
    for plain, scored in zip(*records, strict=True):
        assert scored.cost.prm_tokens == 0
        assert scored.cost.policy_tokens == plain.cost.policy_tokens
        assert 0 < scored.cost.policy_prompt_tokens - plain.cost.policy_prompt_tokens <= scored.samples


def test_what_was_not_written_is_read(head: Path, reader: LlamaPRM, policy: LlamaPolicy) -> None:
    """First steps, and steps after a written one, of which there may be one more."""
    prm = load_prm(str(head), beside=policy, threads=1)
    assert isinstance(prm, OwnStatesPRM) and prm.engine is policy.engine
    usage = Usage()
    begin, root = policy.start(PROBLEMS[0], Usage()), prm.start(PROBLEMS[0], usage)
    written = sampled(policy, begin)
    job = prm.score(root, written.text)
    while not job.done:
        policy.advance()
    assert usage.total == 0 and job.result().prefix.length == root.length == 0 and not prm.busy
    after = prm.score(job.result().prefix, "17 + 75 = 92")
    first = prm.score(root, "25 * 3 = 75")
    assert prm.busy
    while not (after.done and first.done):
        prm.advance()
    assert not prm.busy and usage.total > 0
    assert after.result().prefix.length > len(policy.prompt_tokens(PROBLEMS[0]))
    expected = chain(reader, PROBLEMS[0], [written.text, "17 + 75 = 92"])
    assert [job.result().score, after.result().score] == pytest.approx(expected, abs=CLOSE)
    assert first.result().score == pytest.approx(chain(reader, PROBLEMS[0], ["25 * 3 = 75"])[0], abs=CLOSE)
    prm.close()
    assert policy.listener is None and sampled(policy, begin).text, "the policy goes on"


def sampled(policy: LlamaPolicy, prefix: Prefix) -> SampledStep:
    job = policy.sample(prefix, SampleKey(0, "p", (0,)), Sampling())
    while not job.done:
        policy.advance()
    return job.result()


def test_a_search_that_is_given_up_leaves_nothing(head: Path, policy: LlamaPolicy) -> None:
    prm = load_prm(str(head), beside=policy, threads=1)
    assert isinstance(prm, OwnStatesPRM)
    begin, root = policy.start(PROBLEMS[0], Usage()), prm.start(PROBLEMS[0], Usage())
    step = sampled(policy, begin)
    job = prm.score(root, step.text)
    assert not job.done and policy.busy, "the step's last token is still to be run"
    prm.cancel(job)
    assert not policy.busy
    policy.release(step.prefix)
    again = sampled(policy, begin)  # written anew, and nobody asks for its score
    policy.release(again.prefix)
    policy.release(begin)
    prm.release(root)
    assert not policy.busy and not prm._written._problems and root.branch.released
    assert isinstance(again.prefix, type(begin)) and again.prefix.branch.released and begin.branch.released


def test_a_head_on_own_states_takes_no_room(head: Path) -> None:
    pair = resolve_pair("nano", str(head), own_prm=False)
    assert pair.loaded == [pair.policy] and pair.prm is not None
    other = resolve_pair("nano-medium", str(head), own_prm=False)
    assert other.loaded == [other.policy, other.prm]


def test_a_policy_that_writes_other_steps_is_not_listened_to(head: Path) -> None:
    lines = load_policy(read().entry("nano").model_copy(update={"separator": "\n"}), threads=1)
    prm = load_prm(str(head), beside=lines, registry=None, threads=1)
    assert not isinstance(prm, OwnStatesPRM) and prm.engine._model is lines.engine._model
    prm.close()
    lines.close()
