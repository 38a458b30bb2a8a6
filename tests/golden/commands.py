"""The command lines whose output is kept, in groups: the first word of a case's name.

Models are the bundled ones, seeds are fixed, and there is one thread, so that the same machine repeats every byte.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SUM = "Compute 37 + 4 * (12 - 5)."
FRACTION = "What is 5/6 - 1/4?"
STORY = (
    "Mia has 12 apples. She buys 3 bags with 4 apples each. She gives away 5 apples. How many apples does Mia have now?"
)
EQUATION = "Solve 2x + 5 = 21 for x."
HARD = "What is 5/7 + 8/6 * 7/6?"

METHODS = ("greedy", "majority", "best-of-n", "beam", "dvts")
EFFORTS = ("low", "normal", "high", "max")


@dataclass(frozen=True)
class Case:
    """Command lines that run one after the other in the same fresh home.

    `model`: one of them runs a model, so that other CPUs may print other texts. `files`: of the folder `inputs`, copied
    into the working folder. `stdin`: what each command reads there. `terminal`: stdout is one. `apart`: each in a
    process of its own, on pipes. `slow`: no record is stored, only two checkouts are compared.
    """

    name: str
    lines: tuple[str, ...]
    model: bool = True
    files: tuple[str, ...] = ()
    stdin: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    terminal: bool = False
    apart: bool = False
    slow: bool = False

    @property
    def group(self) -> str:
        return self.name.split("-")[0]

    @property
    def commands(self) -> list[list[str]]:
        return [shlex.split(line) for line in self.lines]


def solve(flags: str, problem: str | None = SUM) -> str:
    """A `tts solve` on one thread; None: the problem is on stdin."""
    return f"solve --threads 1 {flags}" + ("" if problem is None else f" {shlex.quote(problem)}")


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


def settings() -> Iterator[Case]:
    """Flags of models, sampling and limits; settings from files and the environment; problems from stdin."""
    for name, flags in {
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
    }.items():
        yield Case(f"flags-{name}", (solve(f"-q --json {flags}", HARD),))
    yield Case("flags-verify-other", (solve("-q --json --method best-of-n -n 4 --verify", "Solve 10x=30 for x."),))
    yield Case("flags-file", (solve("--json", SUM), solve("-q --json --seed 8 -n 2", SUM)), files=("tts.yaml",))
    yield Case("flags-environment", (solve("--json"),), env={"TTS_METHOD": "majority", "TTS_BUDGET": "3"})
    yield Case("flags-stdin", (solve("-q --json --method greedy", None), solve("-q -", None)), stdin=f" {SUM}\n\n")
    hostile = "\\boxed{" * 20 + "<|end|> é ∞ \x1b[31m [bold]red[/bold] 9^{9^{9^9}}"
    yield Case("flags-hostile", (solve("-q --json -n 4", None), solve("-n 4", None)), stdin=hostile)
    yield Case("flags-apart", (solve("", SUM), solve("-q", SUM), solve("--json", SUM), "--version"), apart=True)
    yield Case("flags-registry", (solve("-q --json --method majority -n 4 --policy alone"),), **REGISTRY)


REGISTRY = {"files": ("models.yaml",), "env": {"TTS_MODELS_FILE": "models.yaml"}}


def auto() -> Iterator[Case]:
    """By the shipped profile and by the paper's table, at every effort."""
    for effort in EFFORTS:
        for name, problem in {"sum": SUM, "fraction": FRACTION, "hard": HARD, "story": STORY}.items():
            yield Case(f"auto-{effort}-{name}", (solve(f"-q --json --effort {effort}", problem),))
        for name, problem in {"sum": SUM, "hard": HARD}.items():
            flags = f"-q --json --effort {effort} --profile none"
            yield Case(f"auto-table-{effort}-{name}", (solve(flags, problem),))
    for name, flags in {
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
    }.items():
        yield Case(f"auto-{name}", (solve(flags, HARD),))
    yield Case("auto-verify", (solve("-q --json --verify", EQUATION),))
    yield Case("auto-verify-other", (solve("-q --json --verify --effort max", "Solve 10x=30 for x."),))
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


TRACES = ("majority", "best-of-n", "beam", "dvts", "auto")


def traces() -> Iterator[Case]:
    """Searches that are saved here and now, and searches that were saved once and for all."""
    for name, flags in {
        "majority": "--method majority -n 8",
        "best-of-n": "--method best-of-n -n 4 --aggregate min --select max",
        "beam": "--method beam -n 4",
        "dvts": "--method dvts -n 8 --seed 5",
        "auto": "--effort max --min-confidence 0.9 -n 8",
    }.items():
        lines = (solve(f"-q --json --trace t.json {flags}", FRACTION), "show t.json", "explain t.json")
        yield Case(f"trace-{name}", lines)
    for name, flags in {"greedy": "--method greedy", "table": "--profile none -n 8", "verify": "-n 3 --verify"}.items():
        yield Case(f"trace-{name}", (solve(f"--json --trace t.json {flags}", FRACTION), *shown("t.json")))
    for name in TRACES:
        yield Case(
            f"show-{name}", shown(f"{name}.json", name in ("dvts", "auto")), model=False, files=(f"{name}.json",)
        )
    for name in ("majority", "dvts", "auto"):
        drawn = (f"show {name}.json", f"explain {name}.json")
        yield Case(f"show-{name}-terminal", drawn, model=False, files=(f"{name}.json",), terminal=True)
    record = ("explain record.json", "explain --json record.json", "explain -q record.json", "explain -")
    yield Case("show-record", record, model=False, files=("record.json",), stdin="{}")
    broken = ("show damaged.json", "explain damaged.json", "show tts.yaml", "show gone.json", "explain gone.json")
    yield Case("show-broken", broken, model=False, files=("damaged.json", "tts.yaml"))


def batch(flags: str) -> str:
    return f"batch --threads 1 {flags}"


def batches() -> Iterator[Case]:
    """Rows of all formats; a file that is continued; rows that cannot be read."""
    for form, flags in {"txt": "", "jsonl": "--method best-of-n -n 4", "csv": "--method greedy"}.items():
        yield Case(f"batch-{form}", (batch(f"problems.{form} {flags}".rstrip()),), files=(f"problems.{form}",))
    one = batch("problems.txt --unordered --in-flight 1 --method beam -n 4")
    yield Case("batch-unordered", (one,), files=("problems.txt",))
    yield Case("batch-table", (batch("problems.txt --profile none --effort low"),), files=("problems.txt",))
    again = batch("problems.jsonl --method majority -n 4 -o out.jsonl")
    other = batch("problems.txt --method greedy -o out.jsonl")
    yield Case(
        "batch-continued",
        (again, again, again + " --seed 1", other, other + " --policy nano-medium", other + " --max-steps 3 -q"),
        files=("problems.jsonl", "problems.txt"),
    )
    yield Case(
        "batch-stdin", (batch("--method greedy"), batch("--format txt -o out.jsonl -")), stdin=f"{SUM}\n{HARD}\n"
    )
    parallel = "batch --threads 2 --method best-of-n -n 4 problems.txt"
    yield Case("batch-parallel", (parallel,), files=("problems.txt",), apart=True)
    bad = (
        "gone.txt",
        "problems.txt -o .",
        "problems.txt -o problems.txt",
        "--format xml",
        "--in-flight 0",
        "--policy x",
    )
    lines = tuple(batch(flags) for flags in (*bad, "--prm none --method beam"))
    yield Case("batch-refused", lines, model=False, files=("problems.txt",), stdin="x")
    yield Case("batch-nothing", (batch(""),), model=False, stdin="\n\n")


def evaluate(flags: str) -> str:
    return f"eval --threads 1 {flags}"


def evaluations() -> Iterator[Case]:
    """Tables, documents and files; votes taken anew; the PRM as a judge."""
    nano = "nano --limit 5 --budgets 1,4"
    yield Case(
        "eval-nano",
        (
            evaluate("nano --limit 3 --budgets 1,4 --methods greedy,majority,best-of-n,beam,dvts,auto --out X"),
            evaluate("--out X --aggregate min"),
            evaluate("--out X --select max --methods best-of-n,beam --no-color"),
            evaluate("--out X --prm-quality --min-confidence 0.6 --budgets 4 -q"),
        ),
    )
    yield Case("eval-json", (evaluate("nano --limit 5 --budgets 2 --json --methods auto,majority --shuffle --seed 3"),))
    yield Case("eval-table", (evaluate("nano --limit 4 --methods auto --budgets 8 --profile none --out X"),))
    yield Case(
        "eval-medium",
        (evaluate("nano --limit 5 --budgets 4 --policy nano-medium --methods auto --effort max --out X -q"),),
    )
    yield Case(
        "eval-file",
        (evaluate("labelled.csv --budgets 4 --beam-width 2 --methods majority,dvts --out X"),),
        files=("labelled.csv",),
    )
    yield Case(
        "eval-prm-quality", (evaluate("nano --limit 6 --prm-quality"), evaluate("nano --limit 4 --prm-quality --json"))
    )
    yield Case("eval-without-prm", (evaluate(f"{nano} --prm none"), evaluate(f"{nano} --prm none --methods beam")))
    bad = (
        "",
        "gone.jsonl",
        "nano --methods beem",
        "nano --budgets 0",
        "nano --methods greedy --prm-quality",
        "--out X",
    )
    lines = tuple(
        evaluate(flags) for flags in (*bad, "tts.yaml", "nano --plot picture.xyz", "nano --limit 0", "empty.csv")
    )
    yield Case("eval-refused", lines, model=False, files=("tts.yaml",))


def calibrations() -> Iterator[Case]:
    """A profile, and what goes by it."""
    made = "calibrate nano --threads 1 --limit 40 --out samples --profile mine.yaml"
    solved = solve("--json --profile mine.yaml --effort high", HARD)
    again = "calibrate --threads 1 --out samples --profile mine.yaml --json"
    batched = batch("problems.txt --profile mine.yaml")
    other = solve("--profile mine.yaml --policy nano-medium")
    yield Case("calibrate-nano", (made, solved, other, batched, again), files=("problems.txt",), slow=True)
    bad = ("", "nano --prm none", "nano --temperature 0", "nano --limit 7", "nano --profile .", "gone.jsonl")
    lines = tuple(f"calibrate --threads 1 {flags}" for flags in bad)
    yield Case("calibrate-refused", lines, model=False)
    wrong = ("--profile gone.yaml", "--profile models.yaml", "--profile models.yaml --method greedy -q")
    yield Case("calibrate-profile-refused", tuple(solve(flags) for flags in wrong), files=("models.yaml",))


def checks() -> Iterator[Case]:
    """A person's own solution."""
    for name in ("right", "wrong"):
        files = (f"{name}.txt",)
        lines = tuple(f"check --threads 1 {flags} {name}.txt" for flags in ("", "--json", "-q", "--threshold 0.9"))
        yield Case(f"check-{name}", lines, files=files)
        yield Case(f"check-{name}-terminal", lines[:1], files=files, terminal=True)
    other = "check --threads 1 --json --prm nano-prm-small wrong.txt"
    yield Case("check-small-prm", (other,), files=("wrong.txt",))
    yield Case("check-stdin", ("check --threads 1 -",), stdin="Compute 2 + 3.\r\n\r\n2+3=5, so \\boxed{5}.\r\n")
    unread = tuple(f"check --threads 1 - {flags}" for flags in ("--prm none", "--prm nano", "--prm nano-prn"))
    yield Case("check-prm-refused", unread, model=False, stdin="Compute 2 + 3.\n\n2+3=5.")
    bad = ("gone.txt", ".", "- --threshold 1.5", "-", "")
    yield Case(
        "check-refused", tuple(f"check --threads 1 {x}".rstrip() for x in bad), model=False, stdin="Compute 2 + 3."
    )


PAIRS = r"""
'\frac{1}{2}' 0.5
-5 5
'[0,1)' '(0,1]'
'1\frac{4}{5}' 1.8
'1\frac{4}{5}' 14/5
'x = 1 or x = 2' '\{2, 1\}'
'y = 2x + 3' '2x - y + 3 = 0'
'(-\infty, 2]' 'x \le 2'
'\sqrt{242}' '11\sqrt2'
'1 \pm \sqrt{19}' '1 - \sqrt{19}, 1 + \sqrt{19}'
'\frac{\sin 2x}{2}' '\sin x \cos x'
"""


def grades() -> Iterator[Case]:
    """Pairs of answers, as arguments and as rows."""
    pairs = PAIRS.strip().splitlines()
    yield Case("grade-pairs", tuple(f"grade {pair}" for pair in pairs), model=False)
    yield Case("grade-json", tuple(f"grade --json {pair}" for pair in pairs[:3]), model=False)
    yield Case("grade-quiet", tuple(f"grade -q {pair}" for pair in pairs[:3]), model=False)
    yield Case("grade-terminal", tuple(f"grade {pair}" for pair in pairs[:2]), model=False, terminal=True)
    yield Case("grade-rows", ("grade",), model=False, stdin=rows())
    yield Case("grade-refused", ("grade 1", "grade 1 2 3", "grade --jsn 1 2", "grade -- --json --json"), model=False)


def rows() -> str:
    from tests.golden.recording import INPUTS

    return (INPUTS / "pairs.jsonl").read_text(encoding="utf-8")


def models() -> Iterator[Case]:
    """What the registry says."""
    listed = ("models list", "models list --json", "models list -q")
    yield Case("models-list", listed, model=False)
    yield Case("models-list-terminal", ("models list", "models show nano"), model=False, terminal=True)
    yield Case(
        "models-registry", ("models list -q", "models show gone", "models show alone --json"), model=False, **REGISTRY
    )
    for name in ("nano", "nano-prm", "qwen2.5-math-1.5b-instruct", "math-shepherd-mistral-7b-prm"):
        lines = tuple(f"models show {flags}{name}" for flags in ("", "--json ", "-q "))
        yield Case(f"models-show-{name}", lines, model=False)
    yield Case("models-refused", ("models show nan", "models shw nano", "models show", "models"), model=False)


def errors() -> Iterator[Case]:
    """What is refused before a model is loaded: stderr and the exit code."""
    for name, line in {
        "unknown-model": solve("--policy nanno"),
        "unknown-prm": solve("--prm nano-prn --method beam"),
        "model-for-prm": solve("--prm nano --method beam"),
        "absent-file": solve("--policy absent.gguf"),
        "not-a-model": solve("--policy ./not-a-model.gguf --prm none"),
        "absent-model": solve("--policy versaprm"),
        "absent-policy": solve("--policy qwen2.5-0.5b-instruct"),
        "bad-budget": solve("-n 0"),
        "bad-number": solve("-n many"),
        "bad-temperature": solve("--temperature -1"),
        "bad-seed": solve("--seed -1"),
        "bad-aggregate": solve("--aggregate lst"),
        "bad-effort": solve("--effort huge"),
        "unknown-method": solve("--method bean"),
        "unknown-flag": solve("--budgets 4"),
        "unknown-format": solve("--prm ./not-a-model.gguf --prm-format x --method beam"),
        "unknown-command": "slove x",
        "no-prm": solve("--method beam --prm none"),
        "empty-problem": solve("", " "),
        "empty-stdin": solve("", None),
        "two-problems": solve("", SUM) + " more",
        "trace-nowhere": solve("--trace gone/t.json"),
        "trace-folder": solve("--trace ."),
        "no-command": "",
        "doctor-flag": "doctor --fast",
    }.items():
        yield Case(f"error-{name}", (line,), model=False, files=("not-a-model.gguf",))
    for name in ("key", "value", "yaml", "list"):
        yield Case(f"error-config-{name}", (solve("-q"),), model=False, files=(f"config-{name}/tts.yaml",))
    yield Case("error-environment", (solve("-q"),), model=False, env={"TTS_BUDGET": "many"})


def helps() -> Iterator[Case]:
    """What every command says of itself."""
    for command in ("", "solve", "batch", "eval", "calibrate", "grade", "check", "show", "explain", "doctor", "models"):
        yield Case(f"help-{command or 'tts'}", (f"{command} --help".strip(),), model=False)
    yield Case("help-models-list", ("models list --help", "models show --help"), model=False)
    yield Case("help-terminal", ("--help",), model=False, terminal=True)
    yield Case("help-version", ("--version",), model=False)


def doctor() -> Iterator[Case]:
    """What the machine offers is left out; the names and the outcomes of the checks stay."""
    yield Case("doctor-json", ("doctor --json",))
    yield Case("doctor-plain", ("doctor", "doctor -q"))


CASES: tuple[Case, ...] = tuple(
    case
    for cases in (
        methods,
        votes,
        settings,
        auto,
        traces,
        batches,
        evaluations,
        calibrations,
        checks,
        grades,
        models,
        errors,
        helps,
        doctor,
    )
    for case in cases()
)
