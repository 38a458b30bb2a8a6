"""The command lines whose output is kept, in groups: the first word of a case's name.

Models are the bundled ones, seeds are fixed, and there is one thread, so that the same machine repeats every byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.golden import searches
from tests.golden.case import HARD, INPUTS, REGISTRY, SUM, Case, solve


def batch(flags: str) -> str:
    return f"batch --threads 1 {flags}"


BATCH_REFUSED = (
    "gone.txt",
    "problems.txt -o .",
    "problems.txt -o problems.txt",
    "--format xml",
    "--in-flight 0",
    "--policy x",
    "--prm none --method beam",
)


def batches() -> Iterator[Case]:
    """Rows of all formats; a file that is continued; rows that cannot be read."""
    for form, flags in {"txt": "", "jsonl": "--method best-of-n -n 4", "csv": "--method greedy"}.items():
        yield Case(f"batch-{form}", (batch(f"problems.{form} {flags}".rstrip()),), files=(f"problems.{form}",))
    text: dict[str, Any] = {"files": ("problems.txt",)}
    yield Case("batch-unordered", (batch("problems.txt --unordered --in-flight 1 --method beam -n 4"),), **text)
    yield Case("batch-table", (batch("problems.txt --profile none --effort low"),), **text)
    again = batch("problems.jsonl --method majority -n 4 -o out.jsonl")
    other = batch("problems.txt --method greedy -o out.jsonl")
    lines = (again, again, again + " --seed 1", other, other + " --policy nano-medium", other + " --max-steps 3 -q")
    yield Case("batch-continued", lines, files=("problems.jsonl", "problems.txt"))
    unnamed = (batch("--method greedy"), batch("--format txt -o out.jsonl -"))
    yield Case("batch-stdin", unnamed, stdin=f"{SUM}\n{HARD}\n")
    yield Case("batch-parallel", ("batch --threads 2 --method best-of-n -n 4 problems.txt",), apart=True, **text)
    yield Case("batch-refused", tuple(map(batch, BATCH_REFUSED)), model=False, stdin="x", **text)
    yield Case("batch-nothing", (batch(""),), model=False, stdin="\n\n")


def evaluate(flags: str) -> str:
    return f"eval --threads 1 {flags}"


EVALUATIONS = {
    "json": ("nano --limit 5 --budgets 2 --json --methods auto,majority --shuffle --seed 3",),
    "table": ("nano --limit 4 --methods auto --budgets 8 --profile none --out X",),
    "medium": ("nano --limit 5 --budgets 4 --policy nano-medium --methods auto --effort max -q",),
    "file": ("labelled.csv --budgets 4 --beam-width 2 --methods dvts --out X",),
    "prm-quality": ("nano --limit 6 --prm-quality", "nano --limit 4 --prm-quality --json"),
    "without-prm": ("nano --limit 5 --budgets 1,4 --prm none", "nano --prm none --methods beam"),
    "nano": (
        "nano --limit 3 --budgets 1,4 --methods greedy,majority,best-of-n,beam,dvts,auto --out X",
        "--out X --aggregate min",
        "--out X --select max --methods best-of-n,beam --no-color",
        "--out X --prm-quality --min-confidence 0.6 --budgets 4 -q",
    ),
}
EVAL_REFUSED = (
    "",
    "gone.jsonl",
    "nano --methods beem",
    "nano --budgets 0",
    "nano --methods greedy --prm-quality",
    "--out X",
    "tts.yaml",
    "nano --plot picture.xyz",
    "nano --limit 0",
    "empty.csv",
)


def evaluations() -> Iterator[Case]:
    """Tables, documents and files; votes taken anew; the PRM as a judge."""
    for name, lines in EVALUATIONS.items():
        yield Case(f"eval-{name}", tuple(map(evaluate, lines)), files=("labelled.csv",))
    yield Case("eval-refused", tuple(map(evaluate, EVAL_REFUSED)), model=False, files=("tts.yaml",))


def calibrations() -> Iterator[Case]:
    """A profile, and what goes by it."""
    made = "calibrate nano --threads 1 --limit 40 --out samples --profile mine.yaml"
    solved = solve("--json --profile mine.yaml --effort high", HARD)
    again = "calibrate --threads 1 --out samples --profile mine.yaml --json"
    batched = batch("problems.txt --profile mine.yaml")
    other = solve("--profile mine.yaml --policy nano-medium")
    yield Case("calibrate-nano", (made, solved, other, batched, again), files=("problems.txt",), slow=True)
    bad = (
        "",
        "nano --prm none --temperature 0",
        "nano --temperature 0",
        "nano --limit 7",
        "nano --profile .",
        "gone.jsonl",
    )
    lines = tuple(f"calibrate --threads 1 {flags}" for flags in bad)
    yield Case("calibrate-refused", lines, model=False)
    wrong = ("--profile gone.yaml", "--profile models.yaml", "--profile models.yaml --method greedy -q")
    yield Case("calibrate-profile-refused", tuple(solve(flags) for flags in wrong), files=("models.yaml",))


def check(flags: str) -> str:
    return f"check --threads 1 {flags}".rstrip()


def checks() -> Iterator[Case]:
    """A person's own solution."""
    for name in ("right", "wrong"):
        file = f"{name}.txt"
        lines = (file, f"--json {file}", f"-q {file}", f"--threshold 0.9 {file}")
        yield Case(f"check-{name}", tuple(map(check, lines)), files=(file,))
        yield Case(f"check-{name}-terminal", (check(file),), files=(file,), terminal=True)
    yield Case("check-small-prm", (check("--json --prm nano-prm-small wrong.txt"),), files=("wrong.txt",))
    yield Case("check-stdin", (check("-"),), stdin="Compute 2 + 3.\r\n\r\n2+3=5, so \\boxed{5}.\r\n")
    unread = ("- --prm none", "- --prm nano", "- --prm nano-prn")
    yield Case("check-prm-refused", tuple(map(check, unread)), model=False, stdin="Compute 2 + 3.\n\n2+3=5.")
    bad = ("gone.txt", ".", "- --threshold 1.5", "-", "")
    yield Case("check-refused", tuple(map(check, bad)), model=False, stdin="Compute 2 + 3.")


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
    yield Case("grade-rows", ("grade",), model=False, stdin=(INPUTS / "pairs.jsonl").read_text("utf-8"))
    yield Case("grade-refused", ("grade 1", "grade 1 2 3", "grade --jsn 1 2", "grade -- --json --json"), model=False)


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


ERRORS = {
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
}


def errors() -> Iterator[Case]:
    """What is refused before a model is loaded: stderr and the exit code."""
    for name, line in ERRORS.items():
        yield Case(f"error-{name}", (line,), model=False, files=("not-a-model.gguf",))
    for name in ("key", "value", "yaml", "list"):
        yield Case(f"error-config-{name}", (solve("-q"),), model=False, files=(f"config-{name}/tts.yaml",))
    yield Case("error-environment", (solve("-q"),), model=False, env={"TTS_BUDGET": "many"})


def helps() -> Iterator[Case]:
    """What every command says of itself."""
    names = "solve batch eval calibrate train-prm grade check show explain doctor models"
    for command in ("", *names.split()):
        yield Case(f"help-{command or 'tts'}", (f"{command} --help".strip(),), model=False)
    yield Case("help-models-list", ("models list --help", "models show --help"), model=False)
    yield Case("help-terminal", ("--help",), model=False, terminal=True)
    yield Case("help-version", ("--version",), model=False)


def doctor() -> Iterator[Case]:
    """What the machine offers is left out; the names and the outcomes of the checks stay."""
    yield Case("doctor-json", ("doctor --json",))
    yield Case("doctor-plain", ("doctor", "doctor -q"))


GROUPS = (
    *(searches.methods, searches.votes, searches.settings, searches.auto, searches.traces, searches.shows),
    *(batches, evaluations, calibrations, checks, grades, models, errors, helps, doctor),
)
CASES: tuple[Case, ...] = tuple(case for cases in GROUPS for case in cases())
