"""Percentages by easy parts: find 10 %, 5 % or 1 % first, then multiply.

What is 35% of 240?
240/20=12, which is 5%. / 12*7=84, so \\boxed{84}.
"""

from __future__ import annotations

from random import Random

from training.problems.problem import PlannedStep, Problem, plan_steps

Drawn = tuple[str, str, list[PlannedStep], int]  # question, key, plan, answer


def generate(random: Random, level: int, scale: int = 1) -> Problem:
    while True:
        question, key, plan, answer = _BY_LEVEL[level](random, scale)
        if 0 < answer <= 2000 * scale:
            break
    return Problem(
        problem=question,
        answer=str(answer),
        level=level,
        subject="percentages",
        steps=plan_steps(tuple(plan), str(answer)),
        key="percentages " + key,
        rule="plan",
        plan=tuple(plan),
    )


def _part(percent: int, base: int, needs: tuple[int, ...] = (), first: int = 0) -> tuple[list[PlannedStep], int]:
    """Steps for `percent` of `base`; `first` is the index of the first of them in the plan."""
    unit = 10 if percent % 10 == 0 else 5 if percent % 5 == 0 else 1
    share, times = base * unit // 100, percent // unit
    plan = [PlannedStep(f"{base}/{100 // unit}={share}", needs, f"which is {unit}%")]
    if times != 1:
        plan.append(PlannedStep(f"{share}*{times}={share * times}", (first,)))
    return plan, share * times


def _base(random: Random, percent: int, largest: int) -> int:
    """A number of which `percent` % is whole, by parts."""
    step = 10 if percent % 10 == 0 else 20 if percent % 5 == 0 else 100
    return step * random.randint(2, max(3, largest // step))


def _percent_of(random: Random, percents: list[int], largest: int) -> Drawn:
    percent = random.choice(percents)
    base = _base(random, percent, largest)
    plan, value = _part(percent, base)
    phrase = random.choice(("What is {}% of {}?", "Compute {}% of {}.", "Find {}% of {}."))
    return phrase.format(percent, base), f"{percent}% of {base}", plan, value


def _easy(random: Random, scale: int) -> Drawn:
    return _percent_of(random, [10, 20, 30, 40, 50, 60, 70, 80, 90], 300 * scale)


def _of(random: Random, scale: int) -> Drawn:
    return _percent_of(random, [5, 15, 25, 35, 45, 55, 65, 75, 85, 95, *range(2, 13)], 800 * scale)


def _changed(percent: int, base: int, up: bool, first: int, needs: tuple[int, ...]) -> tuple[list[PlannedStep], int]:
    """Steps for `base` increased or decreased by `percent` %."""
    plan, share = _part(percent, base, needs, first)
    value = base + share if up else base - share
    plan.append(PlannedStep(f"{base}{'+' if up else '-'}{share}={value}", (first + len(plan) - 1,)))
    return plan, value


def _change(random: Random, scale: int) -> Drawn:
    percent, up = random.choice([5, 10, 15, 20, 25, 30, 35, 40, 45, 60, 75]), random.random() < 0.5
    base = _base(random, percent, 500 * scale)
    plan, value = _changed(percent, base, up, 0, ())
    phrase = random.choice(
        (
            "{Verb} {base} by {percent}%.",
            "A price of {base} dollars is {verb}d by {percent}%. What is the new price in dollars?",
            "What is {base} {verb}d by {percent}%?",
        )
    )
    verb = "increase" if up else "decrease"
    question = phrase.format(Verb=verb.capitalize(), verb=verb, base=base, percent=percent)
    return question, f"{verb} {base} by {percent}%", plan, value


def _reverse(random: Random, scale: int) -> Drawn:
    if random.random() < 0.5:
        percent, hundredth = (
            random.choice([5, 10, 12, 15, 20, 25, 30, 35, 40, 60, 75, 80]),
            random.randint(1, 9 * scale),
        )
        base, part = hundredth * 100, hundredth * percent
        plan = [PlannedStep(f"{part}*100={part * 100}"), PlannedStep(f"{part * 100}/{base}={percent}", (0,))]
        question = random.choice(("What percent of {base} is {part}?", "{part} is what percent of {base}?"))
        return question.format(base=base, part=part), f"{part} of {base} in %", plan, percent
    percent, up, hundredth = (
        random.choice([5, 10, 15, 20, 25, 30, 40]),
        random.random() < 0.5,
        random.randint(2, 12 * scale),
    )
    factor = 100 + percent if up else 100 - percent
    plan = [
        PlannedStep(f"100{'+' if up else '-'}{percent}={factor}"),
        PlannedStep(f"{hundredth * factor}/{factor}={hundredth}", (0,)),
        PlannedStep(f"{hundredth}*100={hundredth * 100}", (1,)),
    ]
    verb = "increased" if up else "decreased"
    question = f"A number {verb} by {percent}% is {hundredth * factor}. What is the number?"
    return question, f"{verb} {percent}% is {hundredth * factor}", plan, hundredth * 100


def _twice(random: Random, scale: int) -> Drawn:
    while True:
        base = 100 * random.randint(1, 12 * scale)
        one, two = random.choice([5, 10, 15, 20, 25, 30, 40, 50]), random.choice([5, 10, 20, 25, 30, 40, 50])
        middle_x100 = base * (100 + one), base * (100 - one)
        up, up2 = random.random() < 0.5, random.random() < 0.5
        middle = middle_x100[0 if up else 1] // 100
        unit = 10 if two % 10 == 0 else 5
        if middle * unit % 100 == 0:
            break
    plan, value = _changed(one, base, up, 0, ())
    more, value = _changed(two, value, up2, len(plan), (len(plan) - 1,))
    verbs = [("rises", "falls")[0 if u else 1] for u in (up, up2)]
    story = f"A price of {base} dollars {verbs[0]} by {one}% and then {verbs[1]} by {two}%."
    question = f"{story} What is the final price in dollars?"
    return question, f"{base} {verbs[0]} {one}% {verbs[1]} {two}%", plan + more, value


_BY_LEVEL = {1: _easy, 2: _of, 3: _change, 4: _reverse, 5: _twice}
