"""PRM formats as data: how a problem and its steps are laid out for a PRM, and where its verdict is read.

One read-out is covered, the token pair: the score of a step is the softmax over the LM-head logits of two
tokens (good, bad), at a marker token, at the position right before it, or at the last token of what a step's
template ends in (a blank line, say). Value heads are not covered.
Tokenising happens in `prm_layout.py`; nothing here touches a model.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class PrmFormat(BaseModel):
    """One PRM family's format; a `formats` entry of models.yaml.

    `prompt` stands before the first step, `first_step` and `step` once per step; they hold `{problem}`,
    `{step}` and `{marker}`. In a "chat" layout each step is a user turn and the marker the assistant's
    turn of the model's own chat template; `prompt` then holds what precedes the first step in its turn.
    With `at: end` there is no marker. `special` lists what of the templates must be one token each.
    The `..._ids` are a check: where given, the texts must come out as one of these token ids.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layout: Literal["text", "chat"] = "text"
    prompt: str
    step: str
    first_step: str = ""
    marker: str = ""
    at: Literal["marker", "before", "end"] = "marker"
    good: str = Field(default="+", min_length=1)
    bad: str = Field(default="-", min_length=1)
    special: tuple[str, ...] = ()
    marker_ids: tuple[int, ...] = ()
    good_ids: tuple[int, ...] = ()
    bad_ids: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _has_its_holes(self) -> PrmFormat:
        if self.prompt.count("{problem}") != 1:
            raise ValueError("`prompt` must hold {problem} once")
        if (self.marker == "") != (self.at == "end"):
            raise ValueError("`marker` must be given, but for `at: end`")
        if self.at == "end" and self.layout == "chat":
            raise ValueError("`at: end` is for the text layout")
        marked = self.layout == "text" and self.at != "end"
        per_step = ("{step}", "{marker}") if marked else ("{step}",)
        for name, text in (("step", self.step), ("first_step", self.opening)):
            if any(text.count(hole) != 1 for hole in per_step):
                raise ValueError(f"`{name}` must hold each of {', '.join(per_step)} once")
        if marked and self.opening.rpartition("{marker}")[2] != self.step.rpartition("{marker}")[2]:
            raise ValueError("`first_step` and `step` must go on alike after {marker}")
        return self

    @property
    def opening(self) -> str:
        """The first step's template: `first_step`, or `step` where that is not given."""
        return self.first_step or self.step
