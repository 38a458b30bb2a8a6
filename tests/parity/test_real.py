"""A random head alone beside the real Qwen2.5-Coder-0.5B (Q4_K_M), where its file is on the machine: the scores are
PyTorch's on the file's dequantised weights, within what llama.cpp's rounding of activations makes."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import pytest

from tests.parity import ours, real
from tts_cli.models.prm.published_head import PublishedBackbone, PublishedCard, PublishedHead, side_file

pytestmark = pytest.mark.skipif(not real.FILE.is_file(), reason="the real model is not here")


@pytest.mark.parametrize("format", real.HEADS)
def test_a_head_alone_scores_as_pytorch_on_the_dequantised_backbone(format: str, tmp_path: Path) -> None:
    file = tmp_path / "backbone.gguf"
    file.symlink_to(real.FILE)
    head_of(format).write(side_file(file))
    errors = []
    with ours.loaded(file) as prm:
        for case, wanted in zip(real.some_cases(), json.loads(real.REFERENCES.read_text())[format], strict=True):
            run = ours.scored(prm, case)
            assert len(run.inputs[-1]) == wanted["tokens"]
            errors += [abs(a - b) for a, b in zip(run.scores, wanted["scores"], strict=True)]
    assert max(errors) < real.LARGEST and fmean(errors) < real.MEAN


def head_of(format: str) -> PublishedHead:
    """Of real.layers."""
    linear = real.HEADS[format] == "linear"
    card = PublishedCard(
        kind="linear" if linear else "mlp",
        output="sigmoid" if linear else "softmax",
        good_class=0 if linear else 1,
        prm_format=format,
        backbone=PublishedBackbone(architecture="qwen2", n_embd=real.WIDTH),
    )
    return PublishedHead(card, real.layers(format))
