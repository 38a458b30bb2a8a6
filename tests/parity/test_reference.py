"""Where PyTorch and transformers are installed: the fixtures are what they compute."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity import fixtures_file
from tests.parity.cases import cases
from tests.parity.checkpoints import PRMS, write_checkpoint

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.mark.parametrize("name", PRMS)
def test_the_fixtures_are_the_references(name: str, tmp_path: Path) -> None:
    from tests.parity.reference import Reference

    reference = Reference(write_checkpoint(PRMS[name], tmp_path), PRMS[name].format)
    for case, wanted in list(zip(cases(), fixtures_file.read(name), strict=True))[::10]:
        found = reference.scored(case)
        assert (found.ids, found.reads) == (wanted.ids, wanted.reads)
        assert found.scores == pytest.approx(wanted.scores, abs=1e-5)
