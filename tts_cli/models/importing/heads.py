"""The heads of published PRMs, by the names of their tensors.

score.{0,2}.{weight,bias}       two layers with a ReLU    Qwen2.5-Math-PRM, -PRM800K, ReasonFlux-PRM-7B
score.weight [, score.bias]     one layer                 TRL's token classification (2 classes), 2510.14913 (1)
v_head.summary.{weight,bias}    one layer                 Skywork-o1-Open-PRM
score.model.nn{1,2,_out}        8 networks of 3 layers    ActPRM (EnsembleFC: [members, in, out])
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from tts_cli import __version__
from tts_cli.errors import ModelError, UsageError
from tts_cli.models.importing.architecture import HfConfig
from tts_cli.models.importing.checkpoint import Floats, StoredTensor
from tts_cli.models.prm.published_head import Kind, PublishedBackbone, PublishedCard, PublishedHead

FORMATS = {
    "Qwen2ForProcessRewardModel": "qwen-math-prm",
    "Qwen2ForPrmModel": "skywork",
    "Qwen2ForEnsemblePRM": "actprm",
    "Qwen2ForTokenClassification": "trl",
    "LlamaForTokenClassification": "trl",
    "Qwen2ForRewardModel": "outcome-verifier",
}
"""Class -> the PRM format that its publisher trained it with, where nothing else is asked for."""

_LAYERS: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "mlp": (("score.0", "score.2"),),
    "linear": (("score",), ("v_head.summary",)),
    "ensemble": (("score.model.nn1", "score.model.nn2", "score.model.nn_out"),),
}
_UNUSED = "score.reg_model."  # ActPRM: what its training was held close to


def unused(name: str) -> bool:
    """Is it a tensor that only training used?"""
    return name.startswith(_UNUSED)


def read_head(
    rest: Mapping[str, StoredTensor], config: HfConfig, prm_format: str | None, source: str, licence: str
) -> PublishedHead | None:
    """The head that these tensors make; None where there are none. Raises ModelError for any that belong to none, and
    UsageError where the format is not known."""
    given = {name: tensor for name, tensor in rest.items() if not unused(name)}
    if not given:
        return None
    kind, layers = _kind_of(given)
    tensors: dict[str, Floats] = {}
    for number, layer in enumerate(layers):
        weight = given[f"{layer}.weight"].whole()
        tensors[f"layers.{number}.weight"] = np.swapaxes(weight, 1, 2) if weight.ndim == 3 else weight
        if f"{layer}.bias" in given:
            tensors[f"layers.{number}.bias"] = given[f"{layer}.bias"].whole()
    outputs = tensors[f"layers.{len(layers) - 1}.weight"].shape[-2:][0]
    card = PublishedCard(
        tts=__version__,
        kind=kind,
        output=_output_of(outputs),
        good_class=1 if outputs == 2 else 0,
        prm_format=prm_format or _format_of(config),
        backbone=PublishedBackbone(name=source, architecture=config.family, n_embd=config.hidden_size),
        source=source,
        licence=licence,
    )
    return PublishedHead(card, tensors)


def _kind_of(given: Mapping[str, StoredTensor]) -> tuple[Kind, tuple[str, ...]]:
    """The kind of head, and its layers' names in order. Raises ModelError for tensors that are no head's."""
    for kind, ways in _LAYERS.items():
        for layers in ways:
            weights = {f"{layer}.weight" for layer in layers}
            if weights <= set(given) <= weights | {f"{layer}.bias" for layer in layers}:
                return kind, layers
    names = sorted(given)
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    what = f"These tensors are part of no backbone and no head that is known here: {', '.join(names[:6])}{more}."
    raise ModelError(what, "Nothing was written: a model without them would be another one.")


def _output_of(outputs: int) -> Literal["sigmoid", "softmax"]:
    if outputs not in (1, 2):
        raise ModelError(
            f"The head has {outputs} outputs, not 1 or 2.", "It distinguishes other things than good and bad steps."
        )
    return "softmax" if outputs == 2 else "sigmoid"


def _format_of(config: HfConfig) -> str:
    if config.cls not in FORMATS:
        what = f"The format in which the PRM was trained is not known by its class {config.cls}."
        raise UsageError(what, "Name it with `--prm-format`.")
    return FORMATS[config.cls]
