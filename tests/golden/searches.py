"""Cases of `tts solve`: every method and flag, `auto`, and traces with what can be told of them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.golden.case import EQUATION, FRACTION, HARD, REGISTRY, STORY, SUM, Case, solve

METHODS = ("greedy", "majority", "best-of-n", "beam", "dvts")
EFFORTS = ("low", "normal", "high", "max")
OTHER_EQUATION = "Solve 10x=30 for x."
HOSTILE = "\\boxed{" * 20 + "<|end|> é ∞ \x1b[31m [bold]red[/bold] 9^{9^{9^9}}"


def methods() -> Iterator[Case]:
    """Every method on problems of several kinds, in the three forms of a result."""
    for method in METHODS:
        n = "" if method == "greedy" else " -n {}"
        asked = f"--method {method}{n}"
        yield Case(f"solve-{method}-json", (solve(f"-q --json {asked.format(8)}"),))
        yield Case(f"solve-{method}-plain", (solve(f"{asked.format(6)} --seed 1", FRACTION),))
        yield Case(f"solve-{method}-quiet", (solve(f"--quiet {asked.format(4)} --seed 2", STORY),))
        yield Case(f"solve-{method}-hard", (solve(f"-q --json {asked.format(16)} --seed 3", HARD),))
        yield Case(f"solve-{method}-verify", (solve(f"-q --json {asked.format(8)} --verify", EQUATION),))
        yield Case(f"solve-{method}-steps", (solve(f"-q --json {asked.format(4)} --max-steps 2", STORY),))
        yield Case(f"solve-{method}-tokens", (solve(f"-q --json {asked.format(4)} --max-tokens 12"),))
        yield Case(f"solve-{method}-cold", (solve(f"-q --json {asked.format(4)} --temperature 0", FRACTION),))


def votes() -> Iterator[Case]:
    """Every aggregation with every selection; how sure an answer must be."""
    for how in ("last", "min", "mean", "prod"):
        for select in ("weighted", "max", "majority"):
            flags = f"-q --json --method best-of-n -n 8 --aggregate {how} --select {select}"
            yield Case(f"vote-{how}-{select}", (solve(flags, FRACTION),))
        yield Case(f"vote-beam-{how}", (solve(f"-q --json --method beam -n 8 --aggregate {how} --select max", HARD),))
    for method, least in (("greedy", 0.1), ("majority", 0.2), ("majority", 1), ("best-of-n", 0.5), ("dvts", 1)):
        name = f"vote-{method}-sure-{least}".replace(".", "")
        yield Case(name, (solve(f"-q --json --method {method} --min-confidence {least}", HARD),))
    yield Case("vote-abstains-plain", (solve("--method majority -n 8 --min-confidence 1", HARD),))
    yield Case("vote-abstains-quiet", (solve("-q --method majority -n 8 --min-confidence 1", HARD),))


FLAGS = {
    "beam-width": "--method beam -n 8 --beam-width 2",
    "dvts-width": "--method dvts -n 8 --beam-width 8",
    "dvts-narrow": "--method dvts -n 3",
    "beam-wide": "--method beam -n 2 --beam-width 4",
    "hot": "--method majority -n 8 --temperature 1.3",
    "top-p": "--method best-of-n -n 8 --top-p 0.5",
    "short-steps": "--method beam -n 4 --max-step-tokens 4",
    "flops": "--method beam -n 16 --max-flops 2e8",
    "few-flops": "--method best-of-n -n 16 --max-flops 1e6",
    "small-context": "--method beam -n 16 --ctx-size 512",
    "medium": "--method best-of-n -n 4 --policy nano-medium",
    "large": "--method dvts -n 4 --policy nano-large",
    "small-prm": "--method best-of-n -n 4 --prm nano-prm-small",
    "no-prm": "--method majority -n 4 --prm none",
    "effort": "--method majority --effort low",
    "verify-all-wrong": "--method majority -n 4 --verify --max-steps 1",
}


def settings() -> Iterator[Case]:
    """Flags of models, sampling and limits; settings from files and the environment; problems from stdin."""
    for name, flags in FLAGS.items():
        yield Case(f"flags-{name}", (solve(f"-q --json {flags}", HARD),))
    yield Case("flags-verify-other", (solve("-q --json --method best-of-n -n 4 --verify", OTHER_EQUATION),))
    yield Case("flags-file", (solve("--json", SUM), solve("-q --json --seed 8 -n 2", SUM)), files=("tts.yaml",))
    yield Case("flags-environment", (solve("--json"),), env={"TTS_METHOD": "majority", "TTS_BUDGET": "3"})
    yield Case("flags-stdin", (solve("-q --json --method greedy", None), solve("-q -", None)), stdin=f" {SUM}\n\n")
    yield Case("flags-hostile", (solve("-q --json -n 4", None), solve("-n 4", None)), stdin=HOSTILE)
    yield Case("flags-apart", (solve("", SUM), solve("-q", SUM), solve("--json", SUM), "--version"), apart=True)
    yield Case("flags-registry", (solve("-q --json --method majority -n 4 --policy alone"),), **REGISTRY)


AUTO = {
    "plain": "",
    "quiet": "-q",
    "table-plain": "--profile none",
    "table-few": "-q --json --profile none -n 3",
    "table-without-prm": "-q --json --prm none -n 8",
    "table-large": "-q --json --policy nano-large",
    "table-verify": "-q --json --profile none --verify",
    "medium": "-q --json --policy nano-medium --effort high",
    "few": "-q --json -n 3",
    "more": "-q --json -n 7 --effort max",
    "other-settings": "-q --json --temperature 1",
    "cold": "-q --json --temperature 0",
    "sure": "-q --json --min-confidence 0.95",
    "flops": "-q --json --effort max --max-flops 1e8",
    "width": "-q --json --profile none --beam-width 2 --seed 4",
}


def auto() -> Iterator[Case]:
    """By the shipped profile and by the paper's table, at every effort."""
    for effort in EFFORTS:
        for name, problem in {"sum": SUM, "fraction": FRACTION, "hard": HARD, "story": STORY}.items():
            yield Case(f"auto-{effort}-{name}", (solve(f"-q --json --effort {effort}", problem),))
        for name, problem in {"sum": SUM, "hard": HARD}.items():
            flags = f"-q --json --effort {effort} --profile none"
            yield Case(f"auto-table-{effort}-{name}", (solve(flags, problem),))
    for name, flags in AUTO.items():
        yield Case(f"auto-{name}", (solve(flags, HARD),))
    yield Case("auto-verify", (solve("-q --json --verify", EQUATION),))
    yield Case("auto-verify-other", (solve("-q --json --verify --effort max", OTHER_EQUATION),))
    for name in ("thinker", "plain"):
        yield Case(f"auto-table-family-{name}", (solve(f"-q --json --policy {name} --profile none", HARD),), **REGISTRY)


def shown(trace: str, documents: bool = False) -> tuple[str, ...]:
    """What can be told of a saved search, with `documents` as JSON too."""
    page = trace.replace(".json", ".html")
    plain = (
        f"show {trace}",
        f"show -q {trace}",
        f"show {trace} --html {page}",
        f"explain {trace}",
        f"explain -q {trace}",
    )
    return (*plain, f"show --json {trace}", f"explain --json {trace}") if documents else plain


TRACES = {
    "majority": "--method majority -n 8",
    "best-of-n": "--method best-of-n -n 4 --aggregate min --select max",
    "beam": "--method beam -n 4",
    "dvts": "--method dvts -n 8 --seed 5",
    "auto": "--effort max --min-confidence 0.9 -n 8",
    "greedy": "--method greedy",
    "verify": "-n 3 --verify",
}


def traces() -> Iterator[Case]:
    """Searches that are saved here and now."""
    for name, flags in TRACES.items():
        lines = (solve(f"-q --json --trace t.json {flags}", FRACTION), "show t.json", "explain t.json")
        yield Case(f"trace-{name}", lines)
    yield Case("trace-table", (solve("--json --trace t.json --profile none -n 8", FRACTION), *shown("t.json")))


def shows() -> Iterator[Case]:
    """Searches that were saved once and for all: no model runs."""
    for name in ("majority", "best-of-n", "beam", "dvts", "auto"):
        trace = f"{name}.json"
        yield Case(f"show-{name}", shown(trace, documents=name in ("dvts", "auto")), model=False, files=(trace,))
        if name not in ("best-of-n", "beam"):
            drawn = (f"show {trace}", f"explain {trace}")
            yield Case(f"show-{name}-terminal", drawn, model=False, files=(trace,), terminal=True)
    record = ("explain record.json", "explain --json record.json", "explain -q record.json", "explain -")
    yield Case("show-record", record, model=False, files=("record.json",), stdin="{}")
    broken = ("show damaged.json", "explain damaged.json", "show tts.yaml", "show gone.json", "explain gone.json")
    yield Case("show-broken", broken, model=False, files=("damaged.json", "tts.yaml"))
