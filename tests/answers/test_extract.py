"""The final answer of a solution text, and how it was found: by kind, with text made to break the reader at the end."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_cli.answers import Extracted, How, extract, find_answer, stated

Table = list[tuple[str, str]]

SINGLE_BOXES: Table = [
    (r"So \boxed{42}.", "42"),
    (r"$\boxed{\frac{\sqrt{3}}{2}}$", r"\frac{\sqrt{3}}{2}"),
    (r"\boxed{3} and then \boxed{unfinished", "3"),
    (r"\boxed{3} and then \boxed{}", "3"),
    (r"\boxed{x = \boxed{5}}", "5"),
    (r"\fbox{7}", "7"),
    (r"\framebox{204} minutes", "204"),
    (r"\framebox[2cm][c]{204}", "204"),
    (r"\boxed 5", "5"),
    (r"$\boxed 5$ is it", "5"),
    (r"\boxed\frac{1}{2}", r"\frac{1}{2}"),
    (r"\boxed\frac12.", r"\frac12"),
    (r"\boxed \sqrt{3} is the length", r"\sqrt{3}"),
    (r"\boxed\text{C}", r"\text{C}"),
    (r"\boxed 3.5 metres", "3.5"),
    ("\\boxed\n{17}", "17"),
    (r"$$\boxed{x^{2^{3}}}$$", "x^{2^{3}}"),
    (r"\boxed{\left\{ 1, 2 \right\}}", r"\left\{ 1, 2 \right\}"),
    (r"\boxed{ $\pi$ }", r"\pi"),
    ("\\boxed{1 +\n  x}", "1 + x"),
    (r"a stray } and { before \boxed{9}", "9"),
    (r"\boxed{\$18.90}", r"\$18.90"),
    (r"the box \boxedx{3} is none, \boxed{4} is", "4"),
    (r"\boxed{5 \text{ apples}}", r"5 \text{ apples}"),
    (r"\boxed{E: the last one}", "E: the last one"),
    (r"\boxed{A}", "A"),
    (r"\boxed{a}", "a"),
    (r"\boxed{\text{No solution}}", r"\text{No solution}"),
    (r"\boxed{٤٢}", "42"),
]

BOXES_TOGETHER: Table = [
    (r"\boxed{3}, \boxed{5}", "3, 5"),
    (r"\boxed{3} and \boxed{5}", "3 and 5"),
    (r"\boxed{(2,2)} \text{ and } \boxed{(6,2)}", r"(2,2) \text{ and } (6,2)"),
    (r"the points are $\boxed{(-2,18)}$ and $\boxed{(8,38)}$.", "(-2,18) and (8,38)"),
    (r"\(\boxed{1}\), \(\boxed{2}\), and \(\boxed{4}\)", "1, 2 and 4"),
    (r"$\boxed{3}$ or $\boxed{-3}$", "3 or -3"),
    (r"\boxed{(5,2)}; \quad \boxed{(7,2)}", "(5,2), (7,2)"),
    ("\\[\\boxed{3}\\]\n\\[\\boxed{5}\\]", "3, 5"),
    (r"\boxed{(-\infty,2]} \cup \boxed{[3,\infty)}", r"(-\infty,2] \cup [3,\infty)"),
    (r"$\boxed{3}$ und $\boxed{5}$", "3 and 5"),
    (r"\boxed{3}和\boxed{5}", "3 and 5"),
    (r"So $x=\boxed{3}$ and $y=\boxed{5}$.", "x= 3 and y= 5"),
    (r"So $AB = \boxed{3}, BC = \boxed{5}$.", "AB = 3, BC = 5"),
    (r"$x_1=\boxed{3}$, $x_2=\boxed{-1}$", "x_1= 3, x_2= -1"),
    (r"The base is \boxed{3} and the height is \boxed{5}.", "3 and 5"),
    (r"$\boxed{15\frac{39}{40}},$ or $\boxed{\frac{639}{40}}$ inches", r"\frac{639}{40}"),
    ("\\boxed{0.5}\n\n\\boxed{\\frac{1}{2}}", r"\frac{1}{2}"),
    (r"\boxed{7} \boxed{7} \boxed{7}", "7"),
]

CORRECTED_BOXES: Table = [
    (r"So it is \boxed{3}. Wait, I made a mistake: it is \boxed{4}.", "4"),
    (r"First \boxed{1}, then \boxed{2}", "2"),
    (r"$\log_2 4 = \boxed{2}$, so $\log_2 (4^2) = \boxed{4}$", "4"),
    ("We get $\\boxed{12}$.\n\nLet me check that again. It should be $\\boxed{13}$.", "13"),
    (r"\boxed{3}. Thus the answer is \boxed{3}.", "3"),
    (r"The area is \boxed{3} and the total is \boxed{5}.", "5"),
    (r"\boxed{3}, \boxed{5}. But 5 does not satisfy the equation. So \boxed{3}.", "3"),
    ("$\\boxed{1}$.\n\n- OR -\n\nWe note that it is $\\boxed{1}$.", "1"),
]

PARTS: Table = [
    ("(a) 3 + 4 = \\boxed{7}\n(b) 5 * 6 = \\boxed{30}", "7, 30"),
    ("**Part (a)** We add.\n\n\\(\\boxed{7}\\)\n\n**Part (b)** We multiply: \\boxed{30}.", "7, 30"),
    ("a) \\boxed{7}\nb) \\boxed{30}\nc) \\boxed{x}", "7, 30, x"),
    ("**(a)** \\boxed{7}\n\n**(b)** \\boxed{30}", "7, 30"),
    ("(a) What is 3 + 4? (b) What is 5 * 6?\n\n(a) It is \\boxed{7}.\n\n(b) It is \\boxed{30}.", "7, 30"),
    ("(a) $\\boxed{7}$ and (b) $\\boxed{30}$", "7, 30"),
    ("Part 1: \\boxed{7}\nPart 2: \\boxed{30}\nPart 3: \\boxed{4}", "7, 30, 4"),
    ("（1）因此 \\boxed{7}\n（2）因此 \\boxed{30}", "7, 30"),
    ("1. \\boxed{7}\n2. \\boxed{30}", "7, 30"),
    ("(i) \\boxed{7}\n(ii) \\boxed{30}", "7, 30"),
    ("(a) It is \\boxed{7}.\n(b) Using part (a), it is \\boxed{30}.\n(c) \\boxed{1}", "7, 30, 1"),
    ("(a) \\boxed{7}\n(b) \\boxed{30}\nSo the answers are \\boxed{7, 30}.", "7, 30"),
    ("(a) \\boxed{7}\n(b) \\boxed{30}\nIn short, we have \\boxed{7} and \\boxed{30}.", "7 and 30"),
    (r"\boxed{(a) 7, (b) 30}", "7, 30"),
    ("For (a) we get \\boxed{7}.\nFor (b) we get \\boxed{30}.", "7, 30"),
    ("The answer for part (a) is $\\boxed{7}$ and the answer for part (b) is $\\boxed{30}$.", "7, 30"),
    ("a. \\boxed{7}\nb. \\boxed{30}", "7, 30"),
    ("(a) It is used for part (b): \\boxed{7}\n(b) \\boxed{30}", "7, 30"),
    ("(A) 5\n(B) 6\n\\boxed{B}", "B"),
    ("1. We add: 3 + 4 = 7.\n2. We double it: 7 * 2 = \\boxed{14}", "14"),
    ("1. The slope is \\boxed{2}.\n2. We use it.\nSo the line is \\boxed{y = 2x}", "y = 2x"),
]

MARKED_PARTS: Table = [
    ("(a) The answer is 7.\n(b) The answer is 30.", "7, 30"),
    ("a) Answer: 7\nb) Answer: 30", "7, 30"),
    ("(a) We add.\nThe answer is $x = 1$.\n\n(b) We multiply.\nThe answer is 5 m.", "x = 1, 5 m"),
    ("The answers are (a) 7 and (b) 30.", "7 and 30"),
    ("(a) The answer is 7.\n(b) So \\boxed{30}.", "7, 30"),
]

PLACEHOLDERS: Table = [
    (r"I will put the final answer in \boxed{}. We add. The answer is 7.", "7"),
    (r"Use \boxed{answer}. The answer is 7.", "7"),
    (r"I put it in \boxed{\text{your answer}}. The answer is 7.", "7"),
    (r"\boxed{...} The answer is 7", "7"),
    (r"\boxed{\ldots} The answer is 7", "7"),
    (r"\boxed{?}: answer: 7", "7"),
    ("\\boxed{\\_\\_\\_}\n#### 7", "7"),
    (r"\boxed{\text{Your final answer here}}. Answer: 7", "7"),
    (r"The answer is 7, so $\boxed{}$.", "7"),
    (r"The answer is 7. Thus \boxed{42", "7"),
]

MARKS: Table = [
    ("The answer is 42.", "42"),
    ("The answer is 42!", "42"),
    ("The answer is 3.14.", "3.14"),
    ("The answer is: 42\nand nothing else", "42"),
    ("Therefore, the final answer is: $\\frac{1}{2}$. I hope it is correct.", r"\frac{1}{2}"),
    ("the final answer is $x=5$ because", "x=5"),
    ("Answer: 7", "7"),
    ("**Answer:** 7", "7"),
    ("**Final Answer**: **12**", "12"),
    ("**Final Answer**\n\n12", "12"),
    ("So it is.\n\n# Answer\n\n-\\frac{1}{3}", r"-\frac{1}{3}"),
    ("Answer:\n\n  17", "17"),
    ("The answer is\n\\[ 5. \\]", "5"),
    ("reasoning\n#### 1,234", "1,234"),
    ("text\n#### -5 apples", "-5 apples"),
    ("The answer is therefore \\(2x+1\\).", "2x+1"),
    ("The answer is Evelyn.", "Evelyn"),
    ("The answer to the question is 5.", "5"),
    ("The answer to part (b) of this problem is 5.", "5"),
    ("The answer, therefore, is 5.", "5"),
    ("Therefore, the answer would be 12.", "12"),
    ("The answer should be $3$.", "3"),
    ("So $5$ is the answer.", "5"),
    ("<answer>17</answer>", "17"),
    ("The answers are $1$ and $2$.", "1 and 2"),
    ("The answers are 1, 2 and 4.", "1, 2 and 4"),
    ("The answer is $x=1$ or $x=2$.", "x=1 or x=2"),
    ("The answer is 3 + 4 = 7.", "7"),
    ("The answer is 15 gallons * 8 pints / gallon = 120 pints", "120 pints"),
    ("The answer is 5 bananas.", "5 bananas"),
    ("The answer is 5 red balls.", "5 red balls"),
    ("The answer is 12 apples in total.", "12 apples"),
    ("The answer is 3 hours and 20 minutes.", "3 hours and 20 minutes"),
    ("The answer is $50.", "$50"),
    ("The answer is 5, since 2 + 3 = 5", "5"),
    ("The answer is the sum of both numbers, that is to say 12 apples.", "12 apples"),
    ("First the answer is 3. No: the answer is 4.", "4"),
    ("The answer is 7. This answer is correct.", "7"),
    ("The answer is 7.\n```", "7"),
]

LANGUAGES: Table = [
    ("答案是 8", "8"),
    ("答案是5。", "5"),
    ("所以答案为 $\\frac{1}{2}$。", r"\frac{1}{2}"),
    ("答案：5", "5"),
    ("最终答案：x=5或x=3", "x=5或x=3"),
    ("答：小明一共有5个苹果。", "5"),
    ("故选：B", "B"),
    ("答えは5です。", "5"),
    ("答え：12", "12"),
    ("정답은 5입니다.", "5"),
    ("답: 7", "7"),
    ("Réponse : 2,74", "2,74"),
    ("La réponse à la question est 5.", "5"),
    ("Die Antwort lautet 3,5.", "3,5"),
    ("Die Antwort ist 5.", "5"),
    ("Antwort: 7", "7"),
    ("Respuesta: 7", "7"),
    ("La respuesta es 7.", "7"),
    ("A resposta final é: 5", "5"),
    ("La risposta è 7.", "7"),
    ("Ответ: 7", "7"),
    ("الجواب هو ٥", "5"),
    ("الإجابة: 12", "12"),
    ("उत्तर: ५", "5"),
    ("उत्तर है 5।", "5"),
    ("Cevap: 7", "7"),
]

CHOICES: Table = [
    ("The answer is (C).", "(C)"),
    ("So the correct option is B", "B"),
    ("The correct answer is option B.", "B"),
    ("Answer: D) 15", "D) 15"),
    ("Answer: D. It can't be A or B", "D"),
    ("The best choice is E because nothing else fits.", "E"),
]

FENCED: Table = [
    ("```python\nx = 3 + 4\n```\nThe answer is 7.", "7"),
    ("The answer is:\n```\n42\n```", "42"),
    ("Answer: `5`", "5"),
    ("```\nLet us see.\nThe answer is 5.\n```", "5"),
    ("```\nThe answer is 5.", "5"),
]

SENTENCES: Table = [
    ("3 + 4 = 7 apples.", "7 apples"),
    ("3 + 4 = 7\n7 + 5 = 12", "12"),
    ("1. 48/2 = 24\n2. 48+24 = 72", "72"),
    ("Natalia sold 48+24 = <<48+24=72>>72 clips altogether.", "72 clips"),
    ("Answer: Natalia sold 48/2 = 24 clips in May.\nShe sold 48+24 = 72 clips in both months.", "72 clips"),
    ("$a + b = 12$.", "12"),
    ("So the final price is $50 after a 20% discount.", "$50"),
    ("Thus the tank holds 40 litres when it is filled for 8 minutes.", "40 litres"),
    ("So the solutions are x = 5 and x = -3.", "x = 5 and x = -3"),
    ("We get\n\\[\nx = 5 \\quad \\text{or} \\quad x = -3\n\\]", r"x = 5 \quad \text{or} \quad x = -3"),
    ("Therefore, the roots are 2, 3 and 5.", "2, 3 and 5"),
    ("Therefore, she has 12 eggs left.", "12 eggs"),
    ("So she has 12 apples.", "12 apples"),
    ("After 4 weeks, she has spent 200 minutes on it.", "200 minutes"),
    ("If 3 friends share 12 sweets, each gets 4 sweets.", "4 sweets"),
    ("It takes him 130 minutes in total because of 2 delays.", "130 minutes"),
    ("It takes 2 hours and 30 minutes.", "2 hours and 30 minutes"),
    ("The car costs $20,000 and $500 more for shipping, so he pays $20,500.", "$20,500"),
    ("She pays a total of $1,234.50.", "$1,234.50"),
    ("Janet makes $18 every day at the farmers' market.", "$18"),
    ("Total: 15 apples", "15 apples"),
    ("So there are 5 ways to do this. I hope this helps!", "5 ways"),
    ("x = 5", "5"),
    ("x >= 5", "x >= 5"),
    ("some thought\n42", "42"),
    ("some thought\n$\\frac{3}{4}$", r"\frac{3}{4}"),
    ("Thus there are $\\binom{5}{2}$ ways.", r"\binom{5}{2} ways"),
    ("\\begin{align*}\nx &= 3+4 \\\\\n&= 7\n\\end{align*}", "7"),
    ("Hence the solutions are $(2,3)$ and $(3,2)$.", "(2,3) and (3,2)"),
    ("#### Step 4: Compute\nSo it is 5", "5"),
    ("因此总数等于 15。", "15"),
    ("Il reste donc 18 euros.", "18 euros"),
    ("Итак, осталось 15 яблок.", "15 яблок"),
    ("D", "D"),
]

LAST_NUMBERS: Table = [
    ("Let me think about 3 apples and 4 pears and see where that leads", "4"),
    ("Is it 12?", "12"),
    ("to the 3, and from the 1,250", "1,250"),
    ("of ٣ and of ٤٫٥", "4.5"),
    ("the of 5%", "5%"),
    ("1. and\n2. of 8 and", "8"),
]

THOUGHT: Table = [
    (r"<think>It may be \boxed{3}.</think> So \boxed{4}", "4"),
    (r"It may be \boxed{3}.</think>So \boxed{4}.", "4"),
    (r"<thinking>\boxed{3}</thinking>\boxed{4}<think>or \boxed{5}", "4"),
    (r"<|channel|>analysis<|message|>\boxed{5}<|end|><|start|>assistant<|channel|>final<|message|>\boxed{6}", "6"),
    (r"<think>\boxed{1}</think><think>\boxed{2}</think>\boxed{3}", "3"),
]

KINDS: list[tuple[How, Table]] = [
    ("box", [*SINGLE_BOXES, *BOXES_TOGETHER, *CORRECTED_BOXES, *PARTS, *THOUGHT]),
    ("mark", [*MARKED_PARTS, *PLACEHOLDERS, *MARKS, *LANGUAGES, *CHOICES, *FENCED]),
    ("sentence", SENTENCES),
    ("last number", LAST_NUMBERS),
]


@pytest.mark.parametrize(("text", "answer", "how"), [(*row, how) for how, table in KINDS for row in table])
def test_finds_the_answer_and_says_how(text: str, answer: str, how: How) -> None:
    assert find_answer(text) == Extracted(answer, how)
    assert extract(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "...",
        "I do not know.",
        r"\boxed{cut in the middle 42",
        r"\boxed{}",
        r"The answer is \boxed{4",
        "The answer is",
        "The answer is correct.",
        r"<think>It is \boxed{3}",
        r"<think>It is \boxed{3}</think>",
        r"<|channel|>analysis<|message|>so \boxed{5}",
        "```",
        "`",
        "```python",
        "```python\nprint(5)\n```",
        "The length cannot be determined from these 3 numbers.",
        "There are no real solutions since the discriminant is -7.",
        "There is not enough information about the 4 boys.",
    ],
)
def test_admits_that_there_is_none(text: str) -> None:
    assert find_answer(text) is None
    assert extract(text) is None


def test_a_long_solution_is_read_at_its_end() -> None:
    padding = "We go on with $x$ and $y$ as before.\n" * 3_000
    assert find_answer(f"The answer is 5.\n{padding}") is None
    assert find_answer(f"{padding}The answer is 5.") == Extracted("5", "mark")
    assert find_answer(f"\\boxed{{5}}\n{padding}") == Extracted("5", "box")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So \\boxed{5}.", "5"),
        ("2 + 3 = 5\n#### 5", "5"),
        ("The answer is 5.", "5"),
        ("The answer is $x=1$ or $x=2$.", "x=1 or x=2"),
        ("\\boxed{3} and \\boxed{5}", "3 and 5"),
        ("The answer is 5 or more.", "5 or more"),
        ("The answer is at most 5.", "at most 5"),
        ("The answer is more than 5 but less than 10 apples a day.", "more than 5 but less than 10 apples a day"),
        ("The answer is 5 times larger than x.", "5 times larger than x"),
        ("The answer is x = 5 is extraneous.", "x = 5 is extraneous"),
        ("The answer is 1 in 6.", "1 in 6"),
        ("The answer is 5 for x and 6 for y.", "5 for x and 6 for y"),
        ("The answer is $3$ to $5$ days.", "3 to 5 days"),
        ("The answer is 2⅝.", "2⅝"),
        ("The answer is 10₂.", "10₂"),
        ("答案是5以上。", "5以上"),
        ("La respuesta es más de 5.", "más de 5"),
    ],
)
def test_stated_is_the_whole_of_the_marked_answer(text: str, answer: str) -> None:
    assert stated(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "x = 5", "\\text{five}", "\\boxed{", "", "x = 5 is extraneous", "más de 5", "5以上", "3 + 4 = 7 apples.", "2⅝",
        "5 wins 3 losses", "AB = 3, BC = 5", "The answer is not 5.", "(C)", "So she has 12 eggs left.", "$x=5$",
        "#### Step 2: Add\nSo it is 5",
    ],
)  # fmt: skip
def test_stated_leaves_a_text_without_a_mark_as_it_is(text: str) -> None:
    assert stated(text) == text


balanced = st.recursive(
    st.text(alphabet="bcxyz0123456789+-*/^_ =,()\\", min_size=1, max_size=8).filter(lambda t: not t.endswith("\\")),
    lambda inner: st.tuples(st.sampled_from(["", "\\frac", "\\sqrt", "x^"]), inner, inner).map(
        lambda t: f"{t[0]}{{{t[1]}}}{{{t[2]}}}"
    ),
    max_leaves=12,
).filter(lambda content: any(char.isalnum() for char in content))


@given(balanced, st.text(max_size=60).filter(lambda t: "box" not in t and "<" not in t and "[" not in t))
def test_reads_back_what_was_boxed(content: str, before: str) -> None:
    # A backslash just before the box would escape its brace; the text before must end the command.
    assert extract(f"{before} \n\\boxed{{{content}}}") == (" ".join(content.split()) or None)


@given(balanced, balanced, st.sampled_from([", ", " and ", "$ and $", "; "]))
def test_boxes_together_keep_both_contents(first: str, second: str, joint: str) -> None:
    found = extract(f"$\\boxed{{{first}}}{joint}\\boxed{{{second}}}$")
    assert found is not None
    assert " ".join(second.split()) in found


WORDS = [
    "the", "answer", "is", "are", "5", "3.5", "$x=2$", "$50", "20%", "and", "or", ",", ".", "\n",
    "\\boxed{7}", "\\boxed{}", "\\boxed{", "```", "<think>", "</think>", "(a)", "(b)", "####", "because", "so",
    "apples", "=", "+", "答案是", "**", "\\[", "\\]", "{", "}", "$", "`", "1.", "Answer:",
]  # fmt: skip
words = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


@given(st.one_of(st.text(), words))
def test_survives_any_text(text: str) -> None:
    answer = extract(text)
    assert answer is None or (answer == answer.strip() and answer and "\n" not in answer)
    assert answer is None or any(char.isalnum() for char in answer) or "\\" in answer or answer in "∞∅½¼¾"
    assert isinstance(stated(text), str)


HOSTILE = [
    "{", "}", "\\boxed{", "\\boxed{}", "\\boxed{1} ", "\\boxed{1}, ", "\\boxed ", "`", "```\n", "$", "$ ", "$a$", "\\",
    "\\(", "\\[", "the answer is ", "answer", "answers to ", " ", "####", "#### 5\n", "(a) ", "1. ",
    "<think>", "</think>", "(a) \\boxed{1}\n(b) \\boxed{2}\n", "5,", "5 and ", "1,111", "=", "x=", "because ",
    "for 3 ", "答案是", "**a", "-", "<<", "\\text{", "5 m/", "_", "\\begin{align}", "( ", "\\boxed\\frac{1}{2}",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE, ids=repr)
def test_hostile_text_costs_its_length(unit: str) -> None:
    """Quadratic or recursive reading of these would take minutes or overflow the stack."""
    start = time.process_time()
    answer = extract(unit * (100_000 // len(unit)))
    assert answer is None or len(answer) < 5_000
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{" * 5_000 + "}" * 5_000,
        "\\boxed{" + "{" * 100_000 + "}" * 100_000 + "}",
        "answer" + " " * 100_000 + "is",
        "\\boxed{" + "$" * 9_000 + "}",
        "\\boxed{" + "(a) x " * 1_500 + "}",
        "\\boxed{" + "9" * 100_000 + "}",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_boxes_end(text: str) -> None:
    start = time.process_time()
    answer = extract(text)
    assert answer is None or len(answer) <= 10_000
    assert time.process_time() - start < 5
