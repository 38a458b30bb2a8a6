"""Predicted memory against the measured peak: `engine/memory.py` for the real models and for nano.

    python -m benchmarks.memory
    python -m benchmarks.memory --models ~/.cache/tts-real-models --only 0.5b --json

Each case runs in a process of its own, and fills every cell of its KV cache. Two kinds:

- bare: llama.cpp's own calls with a given layout, so that each term of the prediction is seen at its largest. One
  sequence is decoded, its state is put into all others, then a whole micro-batch and one row for each sequence run.
- engine: an Engine with its own plan samples 16 solutions; as a policy alone, and with a second one that scores them.
  Its cells are not filled, so less of its compute buffer is touched than is predicted.

Measured is VmHWM of /proc/self/status: the largest resident set of this program alone. ru_maxrss, the fallback where
there is no /proc, counts what the parent held before the program was started, too. Both count the mapped pages of the
model's file. Beside it: what of the peak is anonymous, which is what `Footprint.pinned` predicts.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tts_cli.engine.gguf_header import read_header
from tts_cli.engine.memory import PROGRAM, ContextSize, Footprint, ModelShape, footprint, planned
from tts_cli.engine.plan import Layout
from tts_cli.paths import PACKAGED

MODELS = Path.home() / ".cache" / "tts-real-models"
MIB = 1 << 20
SEQUENCES, THREADS = 16, 2  # of an Engine
UNIFIED, FLASH, STREAMS = "unified", "unified, flash attention", "a stream each"


@dataclass(frozen=True, slots=True)
class Case:
    """One process: these models with these contexts, in order. The same file twice is loaded once. With `engine` the
    contexts are those that an Engine plans, and makes itself."""

    name: str
    models: tuple[str, ...]
    contexts: tuple[ContextSize, ...]
    engine: bool = False

    def predicted(self) -> Footprint:
        found: list[Footprint] = []
        for file in dict.fromkeys(self.models):
            sizes = [size for name, size in zip(self.models, self.contexts, strict=True) if name == file]
            found.append(footprint(ModelShape.of(read_header(Path(file))), *sizes))
        total = found[0]
        for other in found[1:]:
            total += other
        return total


def context(layout: str, n_ctx: int, width: int) -> ContextSize:
    """As the engine makes them: without flash attention and with a shared cache small micro-batches, else large."""
    outputs = max(64, width)
    if layout == STREAMS:
        return ContextSize(n_ctx, width, 512, outputs, unified=False)
    if layout == FLASH:
        return ContextSize(n_ctx, width, 512, outputs, flash_attention=True)
    return ContextSize(n_ctx, width, 128, outputs)


def cases(folder: Path) -> Iterator[Case]:
    files = [str(PACKAGED / "nano.gguf"), *sorted(str(path) for path in folder.glob("*.gguf"))]
    sizes = ((4096, 1), (8192, 16), (32768, 64))
    for file in files:
        for layout in (UNIFIED, FLASH, STREAMS):
            for n_ctx, width in sizes:
                cells = n_ctx if layout == STREAMS else n_ctx // 2  # attention over all of them takes minutes
                name = f"{Path(file).stem}, {layout}, {cells} cells, width {width}"
                yield Case(name, (file,), (context(layout, cells, width),))
    for file in files:
        yield engines(f"{Path(file).stem}, engine", file)
    if len(files) > 2:
        pair = context(STREAMS, 16384, 32), context(FLASH, 8192, 16)
        for policy, prm in ((files[-2], files[-1]), (files[-1], files[-1])):
            yield Case(f"{Path(policy).stem} as policy, {Path(prm).stem} as PRM", (policy, prm), pair)
        yield engines(f"{Path(files[-2]).stem} as policy, {Path(files[-1]).stem} as PRM, engine", *files[-2:])


def layout_of(place: int) -> Layout | None:
    """The first is a policy, the second a PRM (models/load.py)."""
    return "unified" if place else None


def engines(name: str, *files: str) -> Case:
    shapes = [ModelShape.of(read_header(Path(file))) for file in files]
    sizes = tuple(planned(shape, 0, SEQUENCES, THREADS, layout_of(i)) for i, shape in enumerate(shapes))
    return Case(name, files, sizes, engine=True)


# --- in the process of one case ---


def peak() -> dict[str, int]:
    """Bytes: the largest resident set, and what of today's is anonymous or of files."""
    status = Path("/proc/self/status")
    if not status.exists():
        unit = 1 if sys.platform == "darwin" else 1024
        return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    names = {"VmHWM": "peak", "RssAnon": "anonymous", "RssFile": "files"}
    return {name: int(lines[key].split()[0]) * 1024 for key, name in names.items()}


class Bare:
    """llama.cpp without the engine: loads each file once, makes the contexts, fills them."""

    def __init__(self) -> None:
        from tts_cli.engine.library import library, system_info
        from tts_cli.engine.model import model_params

        self.lib = library()
        self.api = self.lib.api
        self.params = model_params(self.lib, system_info(), 0)

    def run(self, models: list[str], sizes: list[ContextSize]) -> None:
        loaded = {
            file: self.api.llama_model_load_from_file(file.encode(), self.params) for file in dict.fromkeys(models)
        }
        contexts = [(self.make(loaded[file], size), size) for file, size in zip(models, sizes, strict=True)]
        for handle, size in contexts:
            self.fill(handle, size)

    def make(self, model: Any, size: ContextSize) -> Any:
        params = self.api.llama_context_default_params()
        params.n_ctx, params.n_seq_max, params.kv_unified = size.n_ctx, size.n_seq, size.unified
        params.n_ubatch, params.n_batch, params.n_outputs_max = size.n_ubatch, 512, size.n_outputs
        params.flash_attn_type = int(size.flash_attention)
        params.n_threads = params.n_threads_batch = 1  # memory depends on it little, and others may be busy
        handle = self.api.llama_init_from_model(model, params)
        assert handle, self.lib.last_error()
        return handle

    def fill(self, handle: Any, size: ContextSize) -> None:
        """Every cell holds a token when the last two batches run: a whole micro-batch, and a row for each sequence."""
        import ctypes

        api = self.api
        length = size.n_ctx // size.n_seq - 1
        last = min(length - 1, size.n_ubatch)
        batch = api.llama_batch_init(512, 0, 1)
        self.decode(handle, batch, [(0, at) for at in range(length)], outputs=1)
        if size.n_seq > 1:
            state = (ctypes.c_uint8 * api.llama_state_seq_get_size(handle, 0))()
            api.llama_state_seq_get_data(handle, state, len(state), 0)
            for seq in range(1, size.n_seq):
                assert api.llama_state_seq_set_data(handle, state, len(state), seq)
            del state
        api.llama_memory_seq_rm(api.llama_get_memory(handle), 0, length - last, -1)
        self.decode(handle, batch, [(0, at) for at in range(length - last, length)], size.n_outputs)
        self.decode(handle, batch, [(seq, length) for seq in range(size.n_seq)], outputs=size.n_seq)
        api.llama_batch_free(batch)

    def decode(self, handle: Any, batch: Any, rows: list[tuple[int, int]], outputs: int) -> None:
        """`rows`: (sequence, position); the last `outputs` of them ask for logits."""
        for start in range(0, len(rows), 512):
            part = rows[start : start + 512]
            for i, (seq, position) in enumerate(part):
                batch.token[i], batch.pos[i], batch.n_seq_id[i] = 65 + position % 26, position, 1
                batch.seq_id[i][0], batch.logits[i] = seq, start + i >= len(rows) - outputs
            batch.n_tokens = len(part)
            code = self.api.llama_decode(handle, batch)
            assert code == 0, (code, self.lib.last_error())


def run_engines(models: list[str]) -> list[Any]:
    """The engines, still open: the first samples 16 solutions of 60 tokens; a second one scores each."""
    from tts_cli.engine import Engine, Sampler
    from tts_cli.protocols import SampleKey, Sampling, Usage

    engines = [
        Engine(Path(file), gpu_layers=0, n_seq_max=SEQUENCES, threads=THREADS, layout=layout_of(i))
        for i, file in enumerate(models)
    ]
    root = engines[0].root([65 + i % 26 for i in range(150)], Usage())
    samplers = [Sampler(SampleKey(0, "memory", (i,)), Sampling()) for i in range(16)]
    jobs = [engines[0].generate(root, sampler=one, stop=lambda text: None, max_tokens=60) for one in samplers]
    while not all(job.done for job in jobs):
        engines[0].advance()
    for engine in engines[1:]:
        prompt = engine.root([65], Usage())
        scores = [engine.evaluate(prompt, job.result().tokens or (65,), [0]) for job in jobs]
        while not all(job.done for job in scores):
            engine.advance()
    return engines


def run_case(text: str) -> None:
    given = json.loads(text)
    if given["engine"]:
        engines = run_engines(given["models"])
        print(json.dumps(peak()))
        for engine in engines:
            engine.close()
    else:
        Bare().run(given["models"], [ContextSize(**size) for size in given["contexts"]])
        print(json.dumps(peak()))


# --- the report ---


def measure(case: Case) -> dict[str, int]:
    command = [sys.executable, "-m", "benchmarks.memory", "--case", json.dumps(asdict(case))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case.name} failed: {done.stderr}")
    found: dict[str, int] = json.loads(done.stdout)
    return found


def row(case: Case) -> dict[str, Any]:
    predicted, measured = case.predicted(), measure(case)
    total = predicted.total + PROGRAM
    return {
        "case": case.name,
        "predicted": total,
        "peak": measured["peak"],
        "ratio": total / measured["peak"],
        "pinned": predicted.pinned + PROGRAM,
        "anonymous": measured.get("anonymous"),
        "parts": asdict(predicted),
    }


def line(found: dict[str, Any]) -> str:
    mib = [f"{(found[key] or 0) / MIB:.0f}" for key in ("predicted", "peak", "pinned", "anonymous")]
    parts = ", ".join(f"{name} {size / MIB:.0f}" for name, size in found["parts"].items())
    return f"| {found['case']} | {mib[0]} | {mib[1]} | {found['ratio']:.3f} | {mib[2]} | {mib[3]} | {parts} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=MODELS, metavar="DIR", help="where the real models are")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        run_case(options.case)
        return
    chosen = [case for case in cases(options.models.expanduser()) if options.only in case.name]
    if not options.json:
        print("| case (MiB) | predicted | peak | ratio | pinned | anonymous | parts |", "|---" * 7 + "|", sep="\n")
    for case in chosen:
        found = row(case)
        print(json.dumps(found) if options.json else line(found), flush=True)


if __name__ == "__main__":
    main()
