"""What touches llama.cpp for `tts doctor`, as a program of its own: if native code crashes, only this process ends.

    python -m tts_cli.cli.native_probe system
    python -m tts_cli.cli.native_probe policy NAME        (prm NAME [FORMAT])

Prints one JSON object. Not part of the command-line contract.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Any

from tts_cli.errors import TtsError


def system() -> dict[str, Any]:
    """Build, CPU features, cores and devices."""
    from tts_cli.engine import library

    info = library.system_info()
    return {
        "version": library.llama_version(),
        "features": info,
        "amx_fault": library.amx_fault(info),
        "cores": library.physical_cores(),
        "waiting": library.waiting(info),
        "gpu": library.supports_gpu(),
        "devices": [asdict(device) for device in library.devices()],
    }


def load(role: str, name: str, prm_format: str | None = None) -> dict[str, Any]:
    """Load a model and run a few tokens through it."""
    from tts_cli.models.load import load_policy, load_prm
    from tts_cli.protocols import Job, SampleKey, Sampling, Usage

    started = time.perf_counter()
    model: Any = load_policy(name) if role == "policy" else load_prm(name, prm_format=prm_format)
    prefix = model.start("Compute 1 + 1.", Usage())
    job: Job[Any]
    if role == "policy":
        job = model.sample(prefix, SampleKey(0, "doctor", (0,)), Sampling(temperature=0, max_step_tokens=8))
    else:
        job = model.score(prefix, "1 + 1 = 2")
    while not job.done:
        model.advance()
    job.result()
    return {"parameters": model.parameters, "seconds": time.perf_counter() - started}


def main(arguments: list[str]) -> int:
    try:
        result = system() if arguments == ["system"] else load(*arguments)
    except TtsError as error:
        result = {"error": error.what, "hint": error.hint}
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
