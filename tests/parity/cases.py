"""Random problems with one to twelve steps: LaTeX, Unicode, blank lines, and texts that look like a PRM's marker."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

SEED, COUNT = 16, 200

_NAMES = ("Ana", "Błażej", "Chloë", "Дмитрий", "李雷", "José", "Ngọc", "Zoë")
_THINGS = ("apples", "œufs", "marbles", "яблок", "苹果", "crayons", "tickets", "₤5 notes")
_PROBLEMS = (
    "{n} has {a} {t} and buys {b} more. How many are there?",
    "Compute $\\frac{{{a}}}{{{b}}} + {c}$.",
    "Let $x^2 - {a}x + {b} = 0$; find the sum of the roots.",
    "What is {a} × {b} ÷ {c}?",
    "For which $n \\in \\mathbb{{Z}}$ is ${a} \\le n < {b}$?\n\n(There may be several.)",
    "A triangle has the angles {a}° and {b}°: what is the third one",
)
_STEPS = (
    "First, {n} has {a} {t}.",
    "So {a} + {b} = {s}.",
    "Now $\\frac{{{a}}}{{{b}}} = {a} \\div {b}$, which we keep.",
    "We get\n\n$${a}x = {b}$$\n\nand so $x = \\frac{{{b}}}{{{a}}}$.",
    "By Vieta: $x_1 + x_2 = {a}$",
    "## Step {c}: count the {t}",
    "- {n}: {a}\n- the others: {b}",
    "∑ᵢ aᵢ ≤ {a}√{b} − π/{c} ≈ {s}…",
    "\\[\n  {a} \\cdot {b} = {p}\n\\]",
    "Hence   the answer (if any)\tis {s}!",
    "🙂 {a} → {b} ⇒ {s}",
    "Therefore, the final answer is: $\\boxed{{{s}}}$. I hope it is correct.",
)
MARKERS = (
    "<extra_0>",
    " ки",
    "ки",
    "\n\n\n\n",
    " \n\n\n\n",
    "<|im_end|>\n",
    "<|im_start|>user\n",
    "<|eot_id|>",
    " +",
    "-",
)


@dataclass(frozen=True, slots=True)
class Case:
    """`steps`: without blanks around them, as the tool cuts them."""

    problem: str
    steps: tuple[str, ...]


def cases(count: int = COUNT, seed: int = SEED) -> list[Case]:
    """The same ones at every call. Every fifth has a marker's text in a step, every tenth thinks first."""
    return [_case(random.Random(f"{seed} {number}"), number) for number in range(count)]


def fingerprint(of: list[Case]) -> str:
    """What fixtures remember, so that they are not compared with other cases."""
    return hashlib.sha256(repr([(case.problem, case.steps) for case in of]).encode()).hexdigest()


def _case(chance: random.Random, number: int) -> Case:
    steps = [_text(chance, _STEPS) for _ in range(chance.randint(1, 12))]
    if number % 5 == 3:
        place = chance.randrange(len(steps))
        steps[place] = f"{steps[place]} {chance.choice(MARKERS)}{_text(chance, _STEPS)}"
    if number % 10 == 7:
        end = chance.randrange(len(steps))
        steps[0] = f"<think>\n{steps[0]}"
        steps[end] += "\n</think>\n\n" + _text(chance, _STEPS)
    return Case(_text(chance, _PROBLEMS), tuple(step.strip() for step in steps))


def _text(chance: random.Random, templates: tuple[str, ...]) -> str:
    a, b, c = (chance.randint(1, 10 ** chance.randint(1, 3)) for _ in range(3))
    name, thing = chance.choice(_NAMES), chance.choice(_THINGS)
    return chance.choice(templates).format(n=name, t=thing, a=a, b=b, c=c, s=a + b, p=a * b)
