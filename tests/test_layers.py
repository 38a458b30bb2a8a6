"""What may import what: the design's one-way flow, and what `tts --help` may not pay for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tts_cli

PACKAGE = Path(tts_cli.__file__).parent
LEAVES = {"tts_cli", "tts_cli.errors", "tts_cli.protocols"}  # these import no other part
MAY_IMPORT = {
    "cli": {"cli", "evaluation", "strategy", "search", "answers", "models", "engine", "data"},
    "evaluation": {"evaluation", "strategy", "search", "answers", "data"},
    "strategy": {"strategy", "search", "answers", "models", "data"},
    "search": {"search", "answers"},
    "answers": {"answers"},
    "models": {"models", "engine"},
    "engine": {"engine"},
    "data": {"data"},
    "nano": set(),
}
HEAVY = {"llama_cpp", "numpy", "sympy", "math_verify", "jinja2"}


def sources():
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Absolute names of all that a module imports, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{name.name}" for name in node.names} | {str(node.module)}
    return found


def part(module: str) -> str | None:
    names = module.split(".")
    return names[1] if len(names) > 1 and names[0] == "tts_cli" else None


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_part_imports_only_parts_below_it(path):
    own = path.relative_to(PACKAGE).parts[0]
    allowed = MAY_IMPORT.get(own, set(MAY_IMPORT))
    for module in imports(path):
        leaf = any(module == name or (name != "tts_cli" and module.startswith(name + ".")) for name in LEAVES)
        if part(module) in MAY_IMPORT and not leaf:
            assert part(module) in allowed, f"{own} imports {module}"


def importers(package: str) -> set[str]:
    return {
        path.relative_to(PACKAGE).parts[0]
        for path in sources()
        if any(module == package or module.startswith(package + ".") for module in imports(path))
    }


def test_only_the_engine_imports_llama_cpp():
    assert importers("llama_cpp") == {"engine"}


def test_only_the_command_line_imports_rich_and_typer():
    assert importers("rich") == {"cli"}
    assert importers("typer") == {"cli"}


def test_only_answers_import_the_symbolic_libraries():
    assert importers("sympy") | importers("math_verify") <= {"answers"}


RECEIPTS = {
    "tts_cli.analysis.what_if",
    "tts_cli.analysis.report",
    "tts_cli.analysis.trace_analysis",
}  # what `explain` shows


def test_the_view_reads_events_and_never_a_search():
    for path in (PACKAGE / "cli" / "view").glob("*.py"):
        names = {module for module in imports(path) if part(module) in {"search", "strategy", "engine"}}
        named = {
            name for name in names if not any(name.startswith(one) for one in RECEIPTS) and name != "tts_cli.strategy"
        }
        assert all(name.startswith("tts_cli.search.events") or name == "tts_cli.search" for name in named), path


def loaded_by(*arguments: str) -> set[str]:
    code = (
        "import sys\nsys.argv = ['tts', *" + repr(list(arguments)) + "]\n"
        "from tts_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sorted(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("solve", "--help"), ("eval", "--help"), ("models", "--help")])
def test_help_loads_nothing_heavy(arguments):
    assert not HEAVY & loaded_by(*arguments)


def test_start_up_stays_within_its_budget_of_modules():
    """Counted, not timed: an accidental import of a library shows as a jump."""
    assert len(loaded_by("--help")) < 800
