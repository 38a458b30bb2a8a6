"""The reference: the publishers' formatting and models in PyTorch and transformers, written from their code and cards.

Nothing of tts_cli is imported here. Two things are not the publishers' but of `tts`, and said so where they stand: what
a problem or a step holds is never a special token (`_plain`), and a step never holds an ordinary token that marks steps
(`_unmarked`): with the publishers' code such a step gets one score too many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoTokenizer, LlamaForCausalLM, Qwen2ForTokenClassification, Qwen2Model

from tests.parity.cases import Case

Ids = list[int]
Read = list[int]
QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


@dataclass(frozen=True)
class Scored:
    """`ids`: the input up to the last token that is read; `reads`: where a score is read, one a step."""

    ids: Ids
    reads: Read
    scores: list[float]


# --- the publishers' classes: a backbone and what they put on it ---


class ProcessRewardModel(nn.Module):
    """modeling_qwen2_rm.py of Qwen2.5-Math-PRM: Linear, ReLU, Linear(2), softmax; class 1 is a good step."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        width = config.hidden_size
        self.model = Qwen2Model(config)
        self.score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, ids: Tensor) -> Tensor:
        return torch.softmax(self.score(self.model(ids).last_hidden_state), -1)[0, :, 1]


class EnsembleLinear(nn.Module):
    """EnsembleFC of ActivePRM's nets.py: [members, in, out]."""

    def __init__(self, members: int, inner: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inner, out))
        self.bias = nn.Parameter(torch.empty(members, out))

    def forward(self, states: Tensor) -> Tensor:
        return torch.einsum("etl,elh->eth", states, self.weight) + self.bias[:, None]


class EnsembleHead(nn.Module):
    """Eight networks of three layers."""

    def __init__(self, width: int, members: int = 8, hidden: int = 128) -> None:
        super().__init__()
        self.nn1 = EnsembleLinear(members, width, hidden)
        self.nn2 = EnsembleLinear(members, hidden, hidden)
        self.nn_out = EnsembleLinear(members, hidden, 1)
        self.members = members

    def forward(self, states: Tensor) -> Tensor:
        states = states.expand(self.members, -1, -1)
        return self.nn_out(torch.relu(self.nn2(torch.relu(self.nn1(states)))))[..., 0]


class EnsemblePrm(nn.Module):
    """Qwen2ForEnsemblePRM of ActivePRM: the mean of the members' sigmoids."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.model = Qwen2Model(config)
        self.score = nn.ModuleDict({name: EnsembleHead(config.hidden_size) for name in ("model", "reg_model")})

    def forward(self, ids: Tensor) -> Tensor:
        return torch.sigmoid(self.score["model"](self.model(ids).last_hidden_state)).mean(0)


class ValueModel(nn.Module):
    """PRM_MODEL of skywork-o1-prm-inference: a value head on the last hidden state, sigmoid."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.model = Qwen2Model(config)
        self.v_head = nn.ModuleDict({"summary": nn.Linear(config.hidden_size, 1)})

    def forward(self, ids: Tensor) -> Tensor:
        return torch.sigmoid(self.v_head["summary"](self.model(ids).last_hidden_state))[0, :, 0]


class RewardModel(nn.Module):
    """The verifier of arXiv 2510.14913: one row, sigmoid."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.model = Qwen2Model(config)
        self.score = nn.Linear(config.hidden_size, 1, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        return torch.sigmoid(self.score(self.model(ids).last_hidden_state))[0, :, 0]


class TokenClasses(Qwen2ForTokenClassification):
    """transformers' own class, which TRL's PRMTrainer trains; LABEL_1 is a good step."""

    def forward(self, ids: Tensor) -> Tensor:  # type: ignore[override]
        return torch.softmax(super().forward(ids).logits, -1)[0, :, 1]


class TokenPair(LlamaForCausalLM):
    """transformers' own class; `good` and `bad` are set once the tokenizer is known."""

    good = bad = 0

    def forward(self, ids: Tensor) -> Tensor:  # type: ignore[override]
        return torch.softmax(super().forward(ids).logits[0][:, [self.good, self.bad]], -1)[:, 0]


# --- the publishers' formatting ---


@dataclass(frozen=True)
class Text:
    """The tokenizer, with the two conventions that are ours."""

    tokenizer: Any

    @property
    def special(self) -> Sequence[str]:
        """All of its special tokens, the markers too."""
        return list(self.tokenizer.get_added_vocab())

    def own(self, text: str) -> Ids:
        """A format's own text, special tokens and all."""
        return list(self.tokenizer.encode(text, add_special_tokens=False))

    def plain(self, text: str) -> Ids:
        """A text from outside, in which nothing is special. Where nothing looks so, this is `own`."""
        ids = list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])
        assert any(special in text for special in self.special) or ids == self.own(text)
        return ids

    def pieces(self, *parts: tuple[bool, str]) -> Ids:
        """Texts of both kinds, (is the format's own, text); what is plain is tokenised up to the next special token.
        Where nothing in it looks special, it is the publishers' one call for the whole."""
        ids: Ids = []
        run = ""
        for own, text in parts:
            if own and any(special in text for special in self.special):
                head, special, tail = self._split(text)
                ids += self.plain(run + head) + special
                run = tail
            else:
                run += text
        ids += self.plain(run)
        plain = "".join(text for own, text in parts if not own)
        looks = any(special in plain for special in self.special)
        assert looks or ids == self.own("".join(text for _, text in parts))
        return ids

    def _split(self, text: str) -> tuple[str, Ids, str]:
        """Up to the first special token, what lies between it and the last one, and what follows."""
        found = [(text.find(one), text.rfind(one) + len(one)) for one in self.special if one in text]
        first, last = min(begin for begin, _ in found), max(end for _, end in found)
        return text[:first], self.own(text[first:last]), text[last:]

    def chat(self, *turns: tuple[str, str]) -> list[tuple[bool, str]]:
        """A conversation by the model's template, as parts: contents are plain, all else is the template's own."""
        marks = [f"\ue000{number}\ue001" for number in range(len(turns))]
        messages = [{"role": role, "content": mark} for (role, _), mark in zip(turns, marks, strict=True)]
        rest = self.tokenizer.apply_chat_template(messages, tokenize=False)
        parts = []
        for mark, (_, content) in zip(marks, turns, strict=True):
            before, _, rest = rest.partition(mark)
            parts += [(True, before), (False, content)]
        return [*parts, (True, rest)]


def _marked_answer(text: Text, case: Case, system: str) -> tuple[Ids, Read]:
    """ChatML, the assistant's turn being the steps, each with <extra_0> behind it: the card of Qwen2.5-Math-PRM."""
    turns = [("system", system), ("user", case.problem)] if system else [("user", case.problem)]
    *front, _, end = text.chat(*turns, ("assistant", ""))
    steps = [part for step in case.steps for part in ((False, step), (True, "<extra_0>"))]
    ids = text.pieces(*front, *steps, end)
    marker = text.tokenizer.convert_tokens_to_ids("<extra_0>")
    return ids, [place for place, token in enumerate(ids) if token == marker]


def qwen(text: Text, case: Case) -> tuple[Ids, Read]:
    return _marked_answer(text, case, QWEN_SYSTEM)


def reasonflux(text: Text, case: Case) -> tuple[Ids, Read]:
    """The readme of ReasonFlux_PRM: no system message of its own."""
    return _marked_answer(text, case, "")


def skywork(text: Text, case: Case) -> tuple[Ids, Read]:
    """prepare_input of skywork-o1-prm-inference: a line is a step, an empty one too. Of a step of several lines the
    score is that of the last one."""
    bos = text.tokenizer.bos_token
    ids = text.pieces((True, bos), (False, case.problem), (True, "\n"))
    newline = text.own("\n")[-1]
    ends: Read = []
    for line in "\n\n".join(case.steps).split("\n"):
        ids += [*text.plain(line), newline]
        ends.append(len(ids) - 1)
    lines = accumulate((len(step.split("\n")) for step in case.steps), lambda before, n: before + 1 + n)
    return ids, [ends[number - 1] for number in lines]


def trl(text: Text, case: Case) -> tuple[Ids, Read]:
    """tokenize_row of TRL's PRMTrainer with step_separator="\\n\\n"; the label is at a completion's last token."""
    ids, reads = text.plain(case.problem), []
    for step in case.steps:
        ids = [*ids, *_unmarked(text, text.plain(step), "\n\n"), *text.own("\n\n")]
        reads.append(len(ids) - 1)
    return ids, reads


def verifier(text: Text, case: Case) -> tuple[Ids, Read]:
    """scripts/run_judge_hf.py of wang-research-lab/verification: the answer after the thought, at the last token."""
    answer = "\n\n".join(case.steps)
    if "</think>" in answer:
        answer = answer.rpartition("</think>")[2]
    elif answer.startswith("<think>"):
        answer = ""  # it has not come to an answer: that is ours, the publisher's code never scores such a text
    ids = text.pieces(*text.chat(("user", case.problem), ("assistant", answer)))
    return ids, [len(ids) - 1]


def rlhflow(text: Text, case: Case) -> tuple[Ids, Read]:
    """The single pass of RLHFlow's PR 48: a user turn a step, "+" as the assistant's, read at the token before it."""
    turns: list[tuple[str, str]] = []
    for number, step in enumerate(case.steps):
        turns += [("user", step if number else f"{case.problem} {step}"), ("assistant", "<extra_0>")]
    parts = [(own or content == "<extra_0>", content) for own, content in text.chat(*turns)]
    ids = text.pieces(*parts)
    marker = text.tokenizer.convert_tokens_to_ids("<extra_0>")
    plus = text.own("+")[-1]
    reads = [place - 1 for place, token in enumerate(ids) if token == marker]
    return [plus if token == marker else token for token in ids], reads


def shepherd(text: Text, case: Case) -> tuple[Ids, Read]:
    """The card of Math-Shepherd: the tag after each step, read at it."""
    return _tagged(text, f"{case.problem} ", case.steps, " ки", "\n")


def versa(text: Text, case: Case) -> tuple[Ids, Read]:
    """The card of VersaPRM: " \\n\\n\\n\\n" after each step, read at it."""
    return _tagged(text, f"{case.problem} \n\n", case.steps, " \n\n\n\n", "")


def _tagged(text: Text, front: str, steps: Sequence[str], tag: str, behind: str) -> tuple[Ids, Read]:
    (marker,) = text.own(tag)
    bos = list(text.tokenizer.encode(""))  # which `encode` puts in front of whatever it is given
    whole = bos + text.plain(front + "".join(f"{step}{tag}{behind}" for step in steps))
    if whole.count(marker) == len(steps):
        return whole, [place for place, token in enumerate(whole) if token == marker]
    ids, reads = bos, []
    run = front
    for step in steps:  # a step holds a tag
        ids += [*_unmarked(text, text.plain(run + step), tag), marker]
        reads.append(len(ids) - 1)
        run = behind
    return ids, reads


def _unmarked(text: Text, ids: Ids, tag: str) -> Ids:
    """Without the token that is the tag: it is written as two."""
    (marker,) = text.own(tag)
    halves = text.plain(tag[: len(tag) // 2]) + text.plain(tag[len(tag) // 2 :])
    return [one for token in ids for one in (halves if token == marker else [token])]


FORMATS: dict[str, tuple[Any, Callable[[Text, Case], tuple[Ids, Read]], tuple[str, str]]] = {
    "qwen-math-prm": (ProcessRewardModel, qwen, ("", "")),
    "reasonflux": (ProcessRewardModel, reasonflux, ("", "")),
    "actprm": (EnsemblePrm, qwen, ("", "")),
    "skywork": (ValueModel, skywork, ("", "")),
    "trl": (TokenClasses, trl, ("", "")),
    "outcome-verifier": (RewardModel, verifier, ("", "")),
    "rlhflow": (TokenPair, rlhflow, ("+", "-")),
    "math-shepherd": (TokenPair, shepherd, (" +", " -")),
    "versa": (TokenPair, versa, ("+", "-")),
}


class Reference:
    """A directory as its publisher would load it, in float32 on the CPU."""

    def __init__(self, folder: Path, format: str) -> None:
        self.text = Text(AutoTokenizer.from_pretrained(folder))
        thinks = "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
        self.text.tokenizer.chat_template = self.text.tokenizer.chat_template.replace(thinks, "")  # as run_judge_hf.py
        cls, self.layout, (good, bad) = FORMATS[format]
        config = AutoConfig.from_pretrained(folder, num_labels=2)
        self.model = cls(config).float().eval()
        weights = {k: v.float() for file in sorted(folder.glob("*.safetensors")) for k, v in load_file(file).items()}
        lost, unknown = self.model.load_state_dict(weights, strict=False)
        assert {*lost, *unknown} <= {"lm_head.weight"}, (lost, unknown)
        if lost:
            self.model.tie_weights()
        if good:
            (self.model.good,), (self.model.bad,) = self.text.own(good), self.text.own(bad)
        self.each_prefix = format == "outcome-verifier"

    @torch.inference_mode()
    def scored(self, case: Case) -> Scored:
        """A score of each step; where one is for a whole answer, of the answer up to each step."""
        if not self.each_prefix:
            return self._scored(case)
        parts = [self._scored(Case(case.problem, case.steps[: n + 1])) for n in range(len(case.steps))]
        return Scored(parts[-1].ids, parts[-1].reads, [part.scores[0] for part in parts])

    def _scored(self, case: Case) -> Scored:
        ids, reads = self.layout(self.text, case)
        assert len(reads) in (len(case.steps), 1), (len(reads), case)
        scores = self.model(torch.tensor([ids]))[reads].tolist()
        return Scored(ids[: reads[-1] + 1], reads, scores)
