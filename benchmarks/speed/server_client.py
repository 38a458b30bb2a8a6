"""Run by the peers' Python: one majority vote over the server, by its_hub or optillm. Prints one line of JSON.

its_hub: its SelfConsistency over its OpenAICompatibleLanguageModel, which sends all requests at once. optillm: its
self-consistency, which sends them one after the other; the module alone is loaded, as its package asks for PyTorch,
spaCy and a browser before it does anything.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
import time
import types
from pathlib import Path
from typing import Any


def its_hub(asked: dict[str, Any]) -> dict[str, float]:
    from its_hub import OpenAICompatibleLanguageModel, SelfConsistency

    async def infer() -> Any:
        async with OpenAICompatibleLanguageModel(
            asked["address"], "none", "local", max_tokens=asked["max_tokens"], temperature=asked["temperature"]
        ) as model:
            return await SelfConsistency().ainfer(model, asked["text"], asked["n"], return_response_only=False)

    begin = time.perf_counter()
    result = asyncio.run(infer())
    seconds = time.perf_counter() - begin
    tokens = getattr(result.usage, "completion_tokens", None) or result.usage.output_tokens
    return {"seconds": seconds, "tokens": tokens, "samples": len(result.responses)}


def optillm(asked: dict[str, Any]) -> dict[str, float]:
    from openai import OpenAI

    client, counted = OpenAI(base_url=asked["address"], api_key="none", max_retries=0), {"tokens": 0, "samples": 0}
    create = client.chat.completions.create

    def counting(**request: Any) -> Any:
        answer = create(**{**request, "temperature": asked["temperature"]})  # the module has its own: the same for all
        counted["tokens"] += answer.usage.completion_tokens
        counted["samples"] += 1
        return answer

    client.chat.completions.create = counting  # type: ignore[method-assign]
    module = _optillm("self_consistency")
    config = {"max_tokens": asked["max_tokens"]}
    begin = time.perf_counter()
    module.AdvancedSelfConsistency(client, "local", num_samples=asked["n"], request_config=config).evaluate(
        "You are a helpful assistant.", asked["text"]
    )
    return {"seconds": time.perf_counter() - begin, **counted}


def _optillm(name: str) -> Any:
    found = importlib.util.find_spec("optillm")
    if found is None or found.origin is None:
        raise ImportError("optillm is not installed")
    package = types.ModuleType("optillm")
    package.__path__ = [str(Path(found.origin).parent)]
    package.conversation_logger = None  # type: ignore[attr-defined]
    sys.modules["optillm"] = package
    return importlib.import_module(f"optillm.{name}")


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    print(json.dumps({"its_hub": its_hub, "optillm": optillm}[request["client"]](request)))
