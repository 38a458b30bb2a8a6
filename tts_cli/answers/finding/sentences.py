"""The answer in the sentences of a solution: after a mark ("The answer is", "####"), at the end of what the last
sentences say, or, with nothing better, the last number.

Only text without boxes, thought and code is read here, and it should be short (a solution's end). How a value looks is
in values.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tts_cli.answers.finding.layout import FORMULA, one_line, without_dollars
from tts_cli.answers.finding.values import ProseValue, last_number_in, result_of, unit_after, value_at_start, values_in
from tts_cli.answers.reading.language import TURNING

_FORMULA = re.compile(FORMULA, re.DOTALL)
_ABBREVIATED = r"(?<!\bapprox)(?<!\bi\.e)(?<!\be\.g)(?<!\bvs)(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bSt)"
_SENTENCE_END = re.compile(rf"{_ABBREVIATED}[.?!](?=[\s\"”)$<]|$)|[。！？؟।]|\n")
_CLAUSE_END = re.compile(
    r",?\s(?:because|since|which|where|as|after|when|if|so that|hence)(?=\s|$)"
    r"|[,;]\s+(?:so|but|with|and we|or equivalently|i\.e)\b"
    r"|\bI hope\b|</answer>",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^[ \t]*(?:(?:[-*•>]|#{1,3}|#{5,6})[ \t]+|\d{1,2}[.)][ \t]+(?=\D))+", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<![\w*])(\*\*|__|\*)(?=[^\s*])([^*\n]{1,300}?)(?<=\S)\1(?![\w*])")
_CALCULATION = re.compile(r"<<[^<>\n]{0,100}>>")  # the calculator's notes of GSM8K
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{(?:align|aligned|gather|gathered|equation|split|eqnarray)\*?\}")

# A mark: a noun, perhaps some words, and what introduces the answer.
_NOUN_EN = (
    r"\banswers?\b[*_]{0,3}(?:,?\s(?:to|for|of|in|that|we|you|therefore|thus|then|hence|here|should|would|must)\b"
    r"[^.?!:\n=]{0,60}?)?,?"
)
_IS_EN = (
    r"(?:\s(?:is|are|was|were|equals|becomes|comes out to(?: be)?|turns out to be|"
    r"(?:(?:would|must|should|will|can only)\s)?(?:\w+\s)?be)\b|[*_\s]{0,4}(?:[:：]|->|→)|(?<=answer)\s?=)"
)
_CHOICE_EN = r"\b(?:correct|right|best)\s(?:option|choice)\b(?:\s(?:is|would be)\b|\s?:)|\b(?:option|choice)\s?:"
_HEADING = r"^[#*_\s]{0,8}(?:the\s)?(?:final\s)?answers?[*_:]{0,4}[ \t]*\n"
_NOUN = (
    r"(?:(?<![^\W\d_])(?:r[ée]ponses?|antworte?n?|endergebnis|respuestas?|respostas?|rispost[ae]|ответы?|відповідь|odpowiedź"
    r"|odpověď|antwoord|svar|jibu|cevap|jawaban|đáp (?:án|số)|الجواب|الإجابة|الاجابة|پاسخ|απάντηση)"
    r"|답|答案|答え|解答|正解|उत्तर|जवाब|উত্তর|సమాధానం|คำตอบ)"
)
_IS = (
    r"(?:\s?(?<![^\W\d_])(?:est|sont|serait|ist|sind|lautet|lauten|es|son|sería|é|são|seria|è|sono|sarebbe|это|равен|равна"
    r"|равно|är|er|is|ni|je|to|là|adalah|هو|هي|होगा|है|হল)(?![^\W\d_])|[*_\s]{0,4}[:：=＝]|\s[—–-]\s"
    r"|应该是|应为|等于|就是|是|为|為|は|은|는|이|คือ|(?=\s?\$?\d))"
)
_MARK = re.compile(
    rf"(?P<hashes>(?:^[ ]{{0,3}}|(?<=\S\s))####(?!#))|<answer>|(?P<heading>{_HEADING})|{_NOUN_EN}{_IS_EN}|{_CHOICE_EN}"
    rf"|{_NOUN}[*_]{{0,3}}(?:[^.?!:：=\n。？！\d$\\不非没]{{0,40}}?)??{_IS}|^\s*答[:：]|选[:：]?\s?(?=[A-J]\b)",
    re.IGNORECASE | re.MULTILINE,
)
_FILLING = re.compile(
    r"(?:[*_:：\s}\"“=\u200e\u200f]|(?:therefore|thus|then|simply|just|indeed|equal to|given by|approximately|about"
    r"|roughly|exactly|only|option|choice|clearly|actually|now),?(?=[\s*:$\\]))*+",
    re.IGNORECASE,
)
_IS_THE_ANSWER = re.compile(
    r",?\s(?:is|are)\s(?:the|our|your|my)\s(?:final\s|correct\s|required\s|desired\s)?answers?\b", re.IGNORECASE
)
_NO_ANSWER = re.compile(
    r"(?:not|incorrect|wrong|correct|right|reasonable|clear|obvious|unique|valid|consistent|sensible|plausible|below|above"
    r"|found|simple|ready|verified|confirmed|as follows|obtained|given|unknown|unclear|in the form|going to"
    r"|an? (?:integer|number)|[iI]|we|you|it|let|what|to)(?![\w'’])",
    re.IGNORECASE,
)
_QUALIFIES = re.compile(
    r"\b(?:not|no|never|nor|neither|either|than|least|most|between|except|greater|less|fewer|over|under|up to|more"
    r"|times|extraneous)\b|以上|以下|以内|至少|最多|大于|小于|多于|少于|超过|不|倍|分之|左右",
    re.IGNORECASE,
)
_MAY_FOLLOW = re.compile(
    r"\s*(?:[,;(—–.!]|(?:in|on|at|for|to|from|by|per|after|with|of|left|altogether|each|every|remaining|total|and|or"
    r"|respectively|as)\b)",
    re.IGNORECASE,
)
_ARITHMETIC = re.compile(r"\s*(?:[^\W\d_]+\s?){0,3}[-+*/×·][^=]{1,60}=")  # of 15 gallons * 8 pints = 120 pints
_COPULAS = frozenset(["is", "are", "here", "have", "we", "that", "thus", "hence", "therefore", "so", "equals"])
_MATRIX = r"\\begin\{[a-z]*matrix\}.{1,400}?\\end\{[a-z]*matrix\}"
_STATES = re.compile(
    r"(?P<subject>(?:(?:so|thus|hence|therefore|finally),?\s)?(?:we (?:find|get|have|obtain|see) (?:that )?|answer:?\s|"
    r"(?:(?:the|its|our|here is an?|here is the)\s(?:[a-z-]+\s){1,5}?(?:is|are|equals):?\s"
    r"|(?:[a-z-]+\s){1,5}?(?:is|are):?\s"
    r"|here (?:is|are)\s(?:an?|the)\s(?:[a-z-]+\s?){1,3}:\s)|)?)"
    rf"(?P<formulas>(?:{FORMULA}|{_MATRIX})(?:(?:,?\s(?:and|or)|,)\s(?:{FORMULA}|{_MATRIX})){{0,6}})"
    r"(?:\sis the (?:final )?(?:solution|answer|result))?\s?\.?",
    re.DOTALL | re.IGNORECASE,
)
_COPULA = re.compile(r"\s?(?:になります|です|である|だ|입니다|이다|이에요|예요|है|हैं)\s*$")
_COUNTER = re.compile(r"(?<=\d)\s?[个個只名本枚匹颗顆条张位件개명마]\w{0,6}$")
_WORD = re.compile(r"(?<!\\)(?<![^\W\d_])[^\W\d_]{2,}")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")  # scripts without spaces between words
_CHOICE = re.compile(r"(?:[Oo]ption\s|[Cc]hoice\s)?\(?([A-J])\)?\.?")
_CANNOT = re.compile(
    r"\b(?:can(?:not|'t|’t| not)|unable to|impossible to|(?:do|does) not have enough|not possible to)\b[^.\n]{0,60}"
    r"\b(?:determined?|solved?|answer(?:ed)?|find|found|calculated?|computed?|information|help)\b"
    r"|\b(?:not enough|insufficient|not sufficient) information|\bI (?:do not|don't|don’t) know|\bno (?:real |integer "
    r"|such |valid )?solutions?\b|无法|無法|no se puede|il est impossible|kann nicht|невозможно",
    re.IGNORECASE,
)
_APART = ",;(—"  # what follows these does not change the value before them
_TRIED = 4  # marks, and sentences from the end
_SHORT = 100
_LONGEST = 300


def plain(text: str) -> str:
    """The text without emphasis, bullets, calculator's notes and inline backticks; every display on one line."""
    text = _CALCULATION.sub("", text).replace("`", "")
    text = _FORMULA.sub(lambda found: " ".join(_ENVIRONMENT.sub(" ", found.group()).split()), text)
    return _BULLET.sub("", _EMPHASIS.sub(r"\2", _ENVIRONMENT.sub(" ", text)))


def marked_answer(text: str) -> str | None:
    """The answer after the last mark that has one: "The answer is", "Answer:", "####", "答案是", "La réponse est"."""
    for mark in list(_MARK.finditer(text))[-_TRIED:][::-1]:
        if answer := _after_mark(text, mark):
            return answer
    for sentence in list(_sentences(text))[-_TRIED:][::-1]:
        if (found := _IS_THE_ANSWER.search(sentence)) and (values := values_in(sentence[: found.start()])):
            return values[-1].text
    return None


def sentence_answer(text: str) -> str | None:
    """The formulas of a text that is one sentence and says nothing but what they are: "The roots are $2$ and $3$."
    None for any other text: a word too many, and it is not known what the sentence says of its formulas."""
    found = _STATES.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if (
        found is None
        or found.group("formulas") == found.group()
        or TURNING & set(_WORD.findall(found.group("subject").lower())) - _COPULAS
    ):
        return None
    return one_line(without_dollars(found.group("formulas")))


def concluded_answer(text: str) -> str | None:
    """What the last sentences conclude, without a mark: `7 apples` of "3 + 4 = 7 apples."; None if nothing is plain."""
    sentences = [s for s in _sentences(text) if "=" in s or not s.endswith(("?", "？"))]
    for number, sentence in enumerate(sentences[-_TRIED:][::-1]):
        if _CANNOT.search(sentence):
            return None
        if number == 0 and (whole := _whole(sentence)):
            return whole
        if (value := _strongest(values_in(sentence))) and value.strength >= 2:
            return value.text
    return None


def last_number(text: str) -> str | None:
    """The last number of a text; None without one, or where its last sentences say that there is no answer."""
    if any(_CANNOT.search(sentence) for sentence in list(_sentences(text))[-2:]):
        return None
    return last_number_in(text)


def _sentences(text: str) -> Iterator[str]:
    at = 0
    for end in _SENTENCE_END.finditer(text):
        if sentence := text[at : end.end()].strip():
            yield sentence
        at = end.end()
    if sentence := text[at:].strip():
        yield sentence


def _strongest(values: list[ProseValue]) -> ProseValue | None:
    """The last of the plainest values."""
    return max(reversed(values), key=lambda value: value.strength, default=None)


def _whole(sentence: str) -> str | None:
    """A sentence that is nothing but a value, a value with its unit, or the letter of a choice."""
    if choice := _CHOICE.fullmatch(sentence):
        return choice.group(1)
    value = value_at_start(sentence)
    if value is None:
        return None
    unit = unit_after(sentence[value.end :])
    rest = sentence[value.end :].strip().removeprefix(unit.strip())
    return one_line(result_of(value.text) + unit) if not rest.strip(" .!。,)$") else None


def _after_mark(text: str, mark: re.Match[str]) -> str:
    """What a mark introduces, up to the end of its sentence or clause; empty where that is no answer."""
    filling = _FILLING.match(text, mark.end())
    rest = text[filling.end() if filling else mark.end() :]
    if mark.group("hashes") is not None:
        return _after_hashes(text[mark.end() :].lstrip(" \t"))
    value = value_at_start(rest)
    start = value.end if value else 0
    end = _SENTENCE_END.search(rest, start)
    clause = rest[: end.start()] if end else rest
    cut = _CLAUSE_END.search(clause, start)
    clause = _COPULA.sub("", clause[: cut.start()] if cut else clause).strip()
    more_follows = end is not None and rest[end.end() :].strip() != ""
    introduces = mark.group().rstrip(" *_\n").endswith((":", "：")) or mark.group("heading") is not None
    if not clause or _NO_ANSWER.match(clause) or (introduces and more_follows and _is_working(clause, value)):
        return ""
    return _reduced(clause, value)


def _after_hashes(rest: str) -> str:
    """`#### 72` is GSM8K's mark, at the end of a text or before a value alone; `#### Step 4` is a heading."""
    line, _, after = rest.partition("\n")
    value = value_at_start(line)
    if not after.strip() or (value and not _WORD.search(line[value.end :])):
        return one_line(without_dollars(line)) if len(line) <= _LONGEST else ""
    return ""


def _is_working(clause: str, value: ProseValue | None) -> bool:
    """Whether "Answer:" is the heading of a whole solution: what follows is a calculation, or prose with numbers."""
    if value is not None and value.start <= 1:
        return result_of(value.text, of_names=False) != value.text
    return len(_WORD.findall(clause)) > 3 or bool(values_in(clause))


def _reduced(clause: str, value: ProseValue | None) -> str:
    """A short answer as it stands; of a longer clause its value, unless words around the value change its meaning."""
    clause = clause if _QUALIFIES.search(clause) else _COUNTER.sub("", clause)
    if value is not None and value.start <= 1:
        rest = clause[value.end :]
        unit = unit_after(rest)
        behind = rest.strip().removeprefix(unit.strip())
        apart = behind[:1] in _APART or not values_in(behind)
        if _ARITHMETIC.match(behind) and (result := _strongest(values_in(clause))):
            return result.text
        if not behind.strip(" .") or (apart and _MAY_FOLLOW.match(behind) and not _QUALIFIES.search(behind)):
            return one_line(result_of(value.text, of_names=False) + unit)
        return one_line(without_dollars(clause)) if len(clause) <= _LONGEST else ""
    words = len(_WORD.findall(_FORMULA.sub("", clause)))
    words += len(_UNSPACED.findall(clause)) if re.search(r"\d", clause) else 0
    if words <= 3 and len(clause) <= _SHORT:
        return one_line(without_dollars(clause))
    if _QUALIFIES.search(clause):
        return one_line(without_dollars(clause)) if len(clause) <= _LONGEST else ""
    best = _strongest(values_in(clause[-_LONGEST:]))
    return best.text if best else ""
