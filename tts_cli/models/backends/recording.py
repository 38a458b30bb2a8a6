"""The tape of one search: every draw and every score, from which the search can be run again without a model.

Packed as compressed JSON: draws by the path of their random stream, scores as a tree of step texts, because that is
what the two models were asked. A tape does not hold what was decided with it; that is worked out anew (replay.py).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tts_cli.data.record import RecordError
from tts_cli.protocols import Finish
from tts_cli.search.context import PromptTokens, Search
from tts_cli.search.tree import Draw, Node

Path = tuple[int, ...]
Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepScore:
    """What the PRM said of a step: None where its context had no room. `tokens`: those of the step alone."""

    score: float | None
    tokens: int


@dataclass(frozen=True, slots=True)
class SearchRecording:
    """`scores` are named by the texts of all steps up to the one that is scored. `error`: the search ended with it."""

    prompt: PromptTokens
    draws: dict[Path, Draw]
    scores: dict[Steps, StepScore]
    error: RecordError | None = None


def record_search(search: Search, error: RecordError | None) -> SearchRecording:
    """The tape of a search that has ended."""
    scores: dict[Steps, StepScore] = {}
    for node in search.nodes():
        if not node.cut and search.prompt_tokens.prm is not None:
            _add(scores, tuple(node.steps), node)
    return SearchRecording(search.prompt_tokens, search.draws, scores, error)


def _add(scores: dict[Steps, StepScore], steps: Steps, node: Node) -> None:
    """Equal steps of two streams are one question to the PRM; one of them may never have been asked."""
    if steps not in scores or scores[steps].score is None:
        scores[steps] = StepScore(node.score, node.prm_tokens)


def pack(recording: SearchRecording) -> bytes:
    """The tape as bytes; `unpack` is its inverse."""
    content = {
        "prompt": [recording.prompt.policy, recording.prompt.prm],
        "draws": [
            [path, draw.text, draw.tokens, draw.finish.value, draw.logprob] for path, draw in recording.draws.items()
        ],
        "scores": _tree(recording.scores),
        "error": recording.error.model_dump() if recording.error else None,
    }
    return zlib.compress(json.dumps(content, separators=(",", ":")).encode())


def unpack(packed: bytes) -> SearchRecording:
    """Raises ValueError, KeyError or zlib.error on what is no tape."""
    content: dict[str, Any] = json.loads(zlib.decompress(packed))
    return SearchRecording(
        prompt=PromptTokens(*content["prompt"]),
        draws={
            tuple(path): Draw(text, tokens, Finish(how), logprob)
            for path, text, tokens, how, logprob in content["draws"]
        },
        scores=_paths(content["scores"]),
        error=RecordError.model_validate(content["error"]) if content["error"] else None,
    )


def _tree(scores: dict[Steps, StepScore]) -> list[list[Any]]:
    """[index of the step before or -1, text, score, tokens]: no text twice, parents first."""
    index: dict[Steps, int] = {(): -1}
    rows: list[list[Any]] = []
    for steps in sorted(scores, key=len):
        index[steps] = len(rows)
        rows.append([index[steps[:-1]], steps[-1], scores[steps].score, scores[steps].tokens])
    return rows


def _paths(rows: Iterable[list[Any]]) -> dict[Steps, StepScore]:
    paths: list[Steps] = []
    scores: dict[Steps, StepScore] = {}
    for before, text, score, tokens in rows:
        steps = (*paths[before], text) if before >= 0 else (text,)
        paths.append(steps)
        scores[steps] = StepScore(score, tokens)
    return scores
