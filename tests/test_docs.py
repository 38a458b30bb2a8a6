"""The documentation stays true: its commands and examples run, its links lead somewhere, its reference is current."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests import markdown
from tests.markdown import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
WITH_EXAMPLES = [page for page in PAGES[1:] if markdown.commands(page) or markdown.blocks(page, "python")]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_pages_have_examples() -> None:
    stems = {page.stem for page in WITH_EXAMPLES}
    assert {"python", "adding-a-method", "adding-a-prm-format", "adding-a-back-end", "auto", "batch"} <= stems


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=named)
def test_examples_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    """Its files, its Python, its commands; exit code 3 is an answer too, such as "different" or a doubtful step."""
    markdown.write_files(page, tmp_path)
    done = markdown.run_script(page, tmp_path)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.splitlines()
    assert [line for line in markdown.promised(markdown.script(page)) if line not in printed] == [], printed
    for command in markdown.commands(page):
        done = markdown.run(tmp_path, "bash", "-c", command)
        assert done.returncode in (0, 3), f"{command}: {done.stderr}"
        assert "Traceback" not in done.stderr


def test_the_method_of_the_docs_is_found_as_a_plugin(tmp_path: Path) -> None:
    """As `pip install` would leave it: a module, and metadata that names the entry point."""
    page = ROOT / "docs" / "adding-a-method.md"
    code = markdown.script(page).partition("from tts_cli import Solver")[0].replace("register(HILL_CLIMB)", "")
    (tmp_path / "my_package.py").write_text(code)
    metadata = tmp_path / "my_package-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1\n")
    (entry_point,) = markdown.blocks(page, "toml")
    lines = entry_point.replace("project.entry-points.tts_cli", "tts_cli").replace('"', "")
    (metadata / "entry_points.txt").write_text(lines)
    path = f"{tmp_path}:{ROOT}"
    solve = (sys.executable, "-m", "tts_cli", "solve", "-q", "--method", "hill-climb", "-n", "4", "Compute 3 + 4.")
    done = markdown.run(tmp_path, *solve, PYTHONPATH=path)
    assert (done.stdout, done.returncode) == ("7\n", 0), done.stderr


def test_beam_search_is_shown_as_it_is() -> None:
    """Without comments and the signature, the excerpt is in the source line by line."""
    text = (ROOT / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    (excerpt,) = re.findall(r"^```text\n(async def beam.*?)^```", text, re.DOTALL | re.MULTILINE)
    source = (ROOT / "tts_cli" / "search" / "beam.py").read_text(encoding="utf-8")
    lines, there = ([line.partition("#")[0].strip() for line in text.splitlines()] for text in (excerpt, source))
    assert [line for line in lines[1:] if line not in there] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8"))
    for link in links:
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in anchors, link


def test_every_page_can_be_reached_from_the_index() -> None:
    docs = ROOT / "docs"
    index = (docs / "README.md").read_text(encoding="utf-8")
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


def test_the_command_reference_is_current(tmp_path: Path) -> None:
    """In a process of its own: another test may have registered a method."""
    code = "import sys; from docs.commands import reference; sys.stdout.reconfigure(encoding='utf-8'); "
    done = markdown.run(tmp_path, sys.executable, "-c", code + "print(reference(), end='')")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (ROOT / "docs" / "commands.md").read_text(encoding="utf-8"), "run: python -m docs.commands"


def test_the_command_reference_names_every_variable() -> None:
    variables = [
        set(re.findall(r"TTS_[A-Z_]+", (ROOT / name).read_text(encoding="utf-8")))
        for name in ("tts_cli/paths.py", "docs/commands.md")
    ]
    assert variables[0] <= variables[1]
