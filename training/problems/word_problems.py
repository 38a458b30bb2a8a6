"""Stories of one to five operations.

Mia has 12 apples. She buys 3 bags with 4 apples each. How many apples does Mia have now?
3*4=12. / 12+12=24, so \\boxed{24}.
"""

from __future__ import annotations

from random import Random

from training.problems.problem import PlannedStep, Problem, plan_steps

SHE, HE = ("Mia", "Ann", "Zoe", "Eva"), ("Leo", "Ben", "Tom", "Sam")
PEOPLE = (*((name, "She") for name in SHE), *((name, "He") for name in HE))
THINGS = ("apples", "coins", "books", "cards", "pens", "shells", "stamps", "eggs", "stickers", "marbles")
GOODS = ("pen", "book", "cake", "ticket", "hat", "cup", "ball", "lamp")


def generate(random: Random, level: int, scale: int = 1) -> Problem:
    while True:
        kinds = _KINDS[level]
        question, key, plan, answer = random.choice(kinds)(random, level, scale)
        if 0 < answer <= 999 * scale:
            break
    return Problem(
        problem=question,
        answer=str(answer),
        level=level,
        subject="word problems",
        steps=plan_steps(tuple(plan), str(answer)),
        key="word " + key,
        rule="plan",
        plan=tuple(plan),
    )


def _person(random: Random) -> tuple[str, str]:
    """Now and then a made-up name, so that the policy can read one that it never saw."""
    if random.random() < 0.9:
        return random.choice(PEOPLE)
    return _made_up(random).capitalize(), random.choice(("He", "She"))


def _things(random: Random) -> str:
    return random.choice(THINGS) if random.random() < 0.9 else _made_up(random) + "s"


def _made_up(random: Random) -> str:
    return "".join(random.choice("bdfgklmnprstvz") + random.choice("aeiou") for _ in range(random.randint(2, 3)))


Drawn = tuple[str, str, list[PlannedStep], int]
Event = tuple[str, list[str], int]  # sentence, claims, new number


def _has(random: Random, level: int, scale: int) -> Drawn:
    """Someone has some things; events change how many."""
    (name, pronoun), things, have = _person(random), _things(random), random.randint(5, 60 * scale)
    sentences, claims, count = [f"{name} has {have} {things}."], [], have
    while len(claims) < level:
        event = random.choice(_EVENTS)(random, pronoun, things, count)
        if event is None or len(claims) + len(event[1]) > level:
            continue
        sentences.append(event[0])
        claims += event[1]
        count = event[2]
    ending = f"How many {things} does {name} have {random.choice(('now', 'in the end'))}?"
    key = " ".join(["has", str(have), *claims])
    return " ".join([*sentences, ending]), key, _chain(claims), count


def _chain(claims: list[str]) -> list[PlannedStep]:
    """Each claim after the one before it: the story tells the order."""
    return [PlannedStep(claim, (i - 1,) if i else ()) for i, claim in enumerate(claims)]


def _gain(random: Random, pronoun: str, things: str, count: int) -> Event:
    more = random.randint(2, 60)
    verb = random.choice(("buys", "finds", "gets", "wins"))
    return f"{pronoun} {verb} {more} more {things}.", [f"{count}+{more}={count + more}"], count + more


def _loss(random: Random, pronoun: str, things: str, count: int) -> Event | None:
    if count < 4:
        return None
    less = random.randint(2, count - 1)
    verb = random.choice(("gives away", "loses", "sells", "uses"))
    return f"{pronoun} {verb} {less} {things}.", [f"{count}-{less}={count - less}"], count - less


def _packs(random: Random, pronoun: str, things: str, count: int) -> Event:
    packs, each = random.randint(2, 9), random.randint(2, 12)
    pack = random.choice(("bags", "boxes", "packs"))
    total = packs * each
    sentence = f"{pronoun} buys {packs} {pack} with {each} {things} each."
    return sentence, [f"{packs}*{each}={total}", f"{count}+{total}={count + total}"], count + total


def _friends(random: Random, pronoun: str, things: str, count: int) -> Event | None:
    friends, each = random.randint(2, 6), random.randint(2, 9)
    total = friends * each
    if total >= count:
        return None
    sentence = f"{pronoun} gives {each} {things} to each of {friends} friends."
    return sentence, [f"{friends}*{each}={total}", f"{count}-{total}={count - total}"], count - total


def _double(random: Random, pronoun: str, things: str, count: int) -> Event | None:
    times, word = random.choice(((2, "doubles"), (3, "triples")))
    if count > 99:
        return None
    return f"{pronoun} {word} the number of {things}.", [f"{count}*{times}={count * times}"], count * times


def _share(random: Random, pronoun: str, things: str, count: int) -> Event | None:
    parts = [p for p in range(2, 10) if count % p == 0 and count // p >= 2]
    if not parts:
        return None
    part = random.choice(parts)
    sentence = f"{pronoun} puts the {things} into {part} equal boxes and keeps one box."
    return sentence, [f"{count}/{part}={count // part}"], count // part


_EVENTS = (_gain, _gain, _loss, _loss, _packs, _friends, _double, _share)


def _shopping(random: Random, level: int, scale: int) -> Drawn:
    """What several goods cost together, or the change from a note."""
    kinds = 2 if level <= 4 else 3
    goods = random.sample(GOODS, kinds)
    prices, amounts = [random.randint(2, 15 * scale) for _ in goods], [random.randint(2, 9) for _ in goods]
    costs = [p * a for p, a in zip(prices, amounts, strict=True)]
    plan = [PlannedStep(f"{a}*{p}={c}") for a, p, c in zip(amounts, prices, costs, strict=True)]
    total = costs[0]
    for i in range(1, kinds):
        needs = (0, 1) if i == 1 else (len(plan) - 1, i)
        plan.append(PlannedStep(f"{total}+{costs[i]}={total + costs[i]}", needs))
        total += costs[i]
    listed = [f"a {g} costs {p} dollars" for g, p in zip(goods, prices, strict=True)]
    wanted = [f"{a} {g}s" for g, a in zip(goods, amounts, strict=True)]
    prices_text = _join(listed).capitalize()
    key = f"shop {prices} {amounts}"
    if level != 4:
        return f"{prices_text}. How many dollars do {_join(wanted)} cost together?", key, plan, total
    note = random.choice([n for n in (50 * scale, 100 * scale, 200 * scale, 500 * scale) if n > total])
    plan.append(PlannedStep(f"{note}-{total}={note - total}", (len(plan) - 1,)))
    buyer = random.choice(PEOPLE)[0]
    question = f"{prices_text}. {buyer} buys {_join(wanted)} and pays with {note} dollars. How many dollars are left?"
    return question, f"{key} {note}", plan, note - total


def _join(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]])


def _travel(random: Random, level: int, scale: int) -> Drawn:
    """Distance at one, two or three speeds, less what was to go."""
    legs = {1: 1, 3: 2, 5: 3}[level]
    speeds, hours = (
        [random.randint(2, 15 * scale) * 5 for _ in range(legs)],
        [random.randint(2, 9) for _ in range(legs)],
    )
    plan = [PlannedStep(f"{s}*{h}={s * h}") for s, h in zip(speeds, hours, strict=True)]
    total = speeds[0] * hours[0]
    for i in range(1, legs):
        needs = (0, 1) if i == 1 else (len(plan) - 1, i)
        plan.append(PlannedStep(f"{total}+{speeds[i] * hours[i]}={total + speeds[i] * hours[i]}", needs))
        total += speeds[i] * hours[i]
    parts = [f"{h} hours at {s} km per hour" for s, h in zip(speeds, hours, strict=True)]
    vehicle = random.choice(("train", "car", "bus"))
    listed = " and then ".join(parts)
    return f"A {vehicle} travels {listed}. How many km does it travel?", f"travel {speeds} {hours}", plan, total


_KINDS = {
    1: (_has, _has, _travel),
    2: (_has,),
    3: (_has, _has, _shopping, _travel),
    4: (_has, _has, _shopping),
    5: (_has, _has, _shopping, _travel),
}
