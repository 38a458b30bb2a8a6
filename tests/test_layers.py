"""What may import what: the design's one-way flow, and what `tts --help` may not pay for."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import tts_cli

PACKAGE = Path(tts_cli.__file__).parent
BOTTOM = {"errors", "costs", "paths", "protocols", "worker_process"}
# Every room and what it may import beside itself, from the bottom up. There is no exemption.
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(BOTTOM, BOTTOM),
    "nano": set(),  # data alone
    "answers": BOTTOM,
    "data": BOTTOM | {"answers"},  # a reference is read when its row is
    "engine": BOTTOM,
    "models": BOTTOM | {"engine"},
    "verification": BOTTOM | {"answers"},
    "calculator": BOTTOM | {"answers"},
    "search": BOTTOM | {"answers"},
    "plugins": BOTTOM | {"search"},
    "config": BOTTOM | {"answers", "search"},
}
MAY_IMPORT["strategy"] = BOTTOM | {"answers", "data", "search", "config"}
MAY_IMPORT["solving"] = MAY_IMPORT["strategy"] | {"strategy", "verification", "calculator"}
MAY_IMPORT["loading"] = MAY_IMPORT["solving"] | {"solving", "models"}
MAY_IMPORT["solver"] = MAY_IMPORT["loading"] | {"loading", "plugins"}
MAY_IMPORT["analysis"] = MAY_IMPORT["solving"] | {"solving"}
MAY_IMPORT["batch"] = MAY_IMPORT["solver"] | {"solver", "engine"}
MAY_IMPORT["evaluation"] = MAY_IMPORT["solver"] | {"solver"}
MAY_IMPORT["cli"] = MAY_IMPORT["batch"] | {"batch", "evaluation", "analysis"}
HEAVY = {"llama_cpp", "numpy", "sympy", "math_verify", "jinja2"}

Imports = Mapping[str, set[str]]  # module -> absolute names that it imports


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            found |= {f"{node.module}.{name.name}" for name in node.names} | {str(node.module)}
    return found


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs when the module is imported: not the bodies of functions, nor what is for type checkers."""
    stack: list[ast.AST] = list(tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


def all_imports() -> dict[str, set[str]]:
    """At any depth, also in functions and for type checkers."""
    return {module_of(path): imported(ast.walk(ast.parse(path.read_text()))) for path in sources()}


def room(module: str) -> str | None:
    """engine for tts_cli.engine.pool; None for what is not of the package, or is the package itself."""
    names = module.split(".")
    return names[1] if len(names) > 1 and names[0] == "tts_cli" else None


def against_the_direction(imports: Imports) -> list[str]:
    found = []
    for module, names in imports.items():
        own = room(module)
        if own is None or own == "__main__":
            continue
        rooms = {room(name) for name in names} & set(MAY_IMPORT)
        found += [f"{module} imports {other}" for other in sorted(rooms - {own} - MAY_IMPORT[own])]  # type: ignore[type-var]
    return found


def circles(imports: Imports) -> list[str]:
    """Modules that import each other, directly or not."""
    graph = {
        module: {name for name in names if name in imports and name != module} for module, names in imports.items()
    }

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        stack = [start]
        while stack:
            for after in graph[stack.pop()] - seen:
                seen.add(after)
                stack.append(after)
        return seen

    return sorted(module for module in graph if module in reachable(module))


def test_every_room_has_its_place() -> None:
    rooms = {room(module_of(path)) for path in sources()} - {None, "__main__"}
    assert rooms <= set(MAY_IMPORT), f"no place in the layers: {rooms - set(MAY_IMPORT)}"


def test_a_room_imports_only_rooms_below_it() -> None:
    assert against_the_direction(all_imports()) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("tts_cli.engine.engine", "tts_cli.models.registry"),
        ("tts_cli.search.beam", "tts_cli.strategy.plan"),
        ("tts_cli.evaluation.run", "tts_cli.cli.channels"),
        ("tts_cli.data.rows", "tts_cli.search.tree"),
        ("tts_cli.protocols", "tts_cli.engine.engine"),
    ],
)
def test_one_import_against_the_direction_is_found(module: str, name: str) -> None:
    imports = all_imports()
    assert module in imports
    imports[module] |= {name}
    assert against_the_direction(imports) == [f"{module} imports {room(name)}"]


def test_no_modules_import_each_other() -> None:
    found = {module_of(path): imported(at_import(ast.parse(path.read_text()))) for path in sources()}
    assert circles(found) == []
    found["tts_cli.errors"] |= {"tts_cli.cli.app"}
    assert "tts_cli.errors" in circles(found)


def importers(package: str) -> set[str | None]:
    return {
        room(module)
        for module, names in all_imports().items()
        if any(name == package or name.startswith(package + ".") for name in names)
    }


def test_only_the_engine_imports_llama_cpp() -> None:
    assert importers("llama_cpp") == {"engine"}


def test_only_the_command_line_imports_rich_and_typer() -> None:
    assert importers("rich") == {"cli"}
    assert importers("typer") == {"cli"}


def test_only_answers_and_verification_import_the_symbolic_libraries() -> None:
    assert importers("sympy") | importers("math_verify") <= {"answers", "verification"}


def test_the_view_reads_events_and_never_a_search() -> None:
    for module, names in all_imports().items():
        if module.startswith("tts_cli.cli.view"):
            searched = {name for name in names if room(name) in {"search", "solving", "engine", "models"}}
            assert all(name.startswith(("tts_cli.search.events", "tts_cli.search.methods")) for name in searched), (
                module
            )


def loaded_by(code: str) -> set[str]:
    code += "\nprint('\\n'.join(sorted(sys.modules)), file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", "import sys\n" + code], capture_output=True, text=True, check=True)
    return set(result.stderr.split())


def run_of(*arguments: str) -> str:
    return (
        f"sys.argv = ['tts', *{list(arguments)!r}]\n"
        "from tts_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
    )


@pytest.mark.parametrize("arguments", [("--help",), ("solve", "--help"), ("eval", "--help"), ("models", "--help")])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert not HEAVY & loaded_by(run_of(*arguments))


def test_grading_loads_nothing_heavy_where_exact_arithmetic_decides() -> None:
    assert not (HEAVY | {"rich"}) & loaded_by(run_of("grade", "3/4", "0.75"))


def test_importing_the_package_loads_nothing_heavy() -> None:
    names = "Solver, Settings, Problem, Record, TtsError"
    assert not (HEAVY | {"pydantic", "typer", "rich"}) & loaded_by("import tts_cli")
    assert not HEAVY & loaded_by(f"from tts_cli import {names}")


def test_start_up_stays_within_its_budget_of_modules() -> None:
    """Counted, not timed: an accidental import of a library shows as a jump."""
    assert len(loaded_by(run_of("--help"))) < 800
