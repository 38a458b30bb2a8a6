r"""The layout for any language model that judges: it reads the solution as if it had written it.

    system, problem ─► the assistant's turn: step 1 \n\n step 2 \n\n ... step k   ─► (a judge's question, an answer)
    └── its own prompt as a policy ──┘       └──── its own separator ────┘             └─ leaves again ─┘

A reader needs the probability of each token of a step, and that of the first one is known after the last token of what
stands before: its logits are gone by the time the step comes. So that last token is held back, and run as the first of
the next step. A step is tokenised with its separator, as the model writes it (".\n\n" is one token for many); the last
step of a solution has none.

A head reads the states at a step's tokens, up to the last one.

A published verifier of whole answers (`layout: answer`, `at: suffix`) is a judge whose question is the end of the turn.

A judge is asked after each step, where the turn ends without a separator. What the step's tokens have in common with
and without one is kept; the rest (".", "\n\n") goes to the question on one hand, to the next step's run on the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tts_cli.models.prm.formats import (
    PrmFormat,
    StepLayout,
    StepTokens,
    answer_turn,
    compile_format,
    no_chat_template,
)
from tts_cli.models.prompts import (
    Hole,
    Piece,
    PromptStyle,
    compile_template,
    fill,
    plain_tokens,
    policy_prompt,
    with_bos,
)

if TYPE_CHECKING:
    from tts_cli.engine import Vocab
    from tts_cli.models.registry import ModelEntry

_STEP = Hole("step")


def layout_of(format: PrmFormat, entry: ModelEntry, vocab: Vocab, chat_template: str | None) -> StepLayout:
    """Of a model with this format. Raises ModelError where it lacks what the format needs."""
    if format.layout == "answer" and format.at == "suffix":
        prompt, end = (compile_template(vocab, parts) for parts in answer_turn(format, chat_template))
        return JudgeLayout(prompt, entry.separator, tuple(fill(vocab, end, {}, continues=True)))
    if format.layout != "solution":
        return compile_format(format, vocab, chat_template)
    style = entry.prompt or PromptStyle()
    if format.read == "head":
        return StateLayout(compile_template(vocab, policy_prompt(chat_template, style)), entry.separator)
    if not format.suffix:
        return ReaderLayout(compile_template(vocab, policy_prompt(chat_template, style)), entry.separator)
    if chat_template is None or not chat_template.strip():
        raise no_chat_template()
    turns = policy_prompt(chat_template, style, [("assistant", [_STEP]), ("user", [format.suffix])])
    place = turns.index(_STEP)
    prompt, question = (compile_template(vocab, parts) for parts in (turns[:place], turns[place + 1 :]))
    return JudgeLayout(prompt, entry.separator, tuple(fill(vocab, question, {}, continues=True)))


@dataclass(frozen=True, slots=True)
class ReaderLayout:
    """A `StepLayout` whose last token is always held back."""

    prompt: tuple[Piece, ...]
    separator: str

    @property
    def final_differs(self) -> bool:
        return True

    def start(self, vocab: Vocab, problem: str) -> StepTokens:
        tokens = _prompt_tokens(vocab, self.prompt, problem)
        return StepTokens(tokens) if len(tokens) < 2 else _held_back(tokens, 0)

    def next(self, vocab: Vocab, step: str, held: tuple[int, ...], *, first: bool, final: bool) -> StepTokens:
        text = step if final else step + self.separator
        return _held_back([*held, *plain_tokens(vocab, text, continues=True)], len(held))


@dataclass(frozen=True, slots=True)
class StateLayout:
    """A `StepLayout` for who reads the states at all tokens of a step, the separator's too, and how likely they are.
    The last token leaves again and is run once more as the first of the next step: only then the next one's first
    token is likely or not."""

    prompt: tuple[Piece, ...]
    separator: str

    @property
    def final_differs(self) -> bool:
        return False

    def start(self, vocab: Vocab, problem: str) -> StepTokens:
        tokens = _prompt_tokens(vocab, self.prompt, problem)
        return StepTokens(tokens) if len(tokens) < 2 else _held_back(tokens, 0)

    def next(self, vocab: Vocab, step: str, held: tuple[int, ...], *, first: bool, final: bool) -> StepTokens:
        tokens = [*held, *plain_tokens(vocab, step.strip() + self.separator, continues=True)]
        return StepTokens(tokens[:-1], tuple(tokens[-1:]), tuple(tokens[-1:]), len(held))


@dataclass(frozen=True, slots=True)
class JudgeLayout:
    """A `StepLayout` with a question after each step: `question` holds its tokens, from the end of the turn on."""

    prompt: tuple[Piece, ...]
    separator: str
    question: tuple[int, ...]

    @property
    def final_differs(self) -> bool:
        return False

    def start(self, vocab: Vocab, problem: str) -> StepTokens:
        return StepTokens(_prompt_tokens(vocab, self.prompt, problem))

    def next(self, vocab: Vocab, step: str, held: tuple[int, ...], *, first: bool, final: bool) -> StepTokens:
        if not step and held:  # a part of a thought that is left out
            return StepTokens((), self.question, held)
        ended, goes_on = ([*held, *plain_tokens(vocab, text, continues=True)] for text in (step, step + self.separator))
        pairs = zip(ended, goes_on, strict=False)
        shared = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(ended), len(goes_on)))
        return StepTokens(goes_on[:shared], [*ended[shared:], *self.question], tuple(goes_on[shared:]), len(held))


def answer_of(steps: Sequence[str], after: str) -> tuple[str, bool]:
    """What the last of these steps is to a verifier that reads what stands `after` a thought; True where the answer
    begins with it, and nothing before it counts. A thought that the prompt has opened is known by its end alone."""
    if after in steps[-1]:
        return steps[-1].rpartition(after)[2], True
    thinks = steps[0].lstrip().startswith(after.replace("/", "", 1)) and not any(after in step for step in steps)
    return "" if thinks else steps[-1], False


def _prompt_tokens(vocab: Vocab, prompt: tuple[Piece, ...], problem: str) -> list[int]:
    return with_bos(vocab, fill(vocab, prompt, {"problem": problem.strip()}))


def _held_back(tokens: list[int], begin: int) -> StepTokens:
    return StepTokens(tokens[:-1], held=tuple(tokens[-1:]), begin=begin)
