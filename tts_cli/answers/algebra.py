"""Exact arithmetic for answers: quotients of polynomials over the rationals.

The variables of a polynomial are atoms: letters, pi, the imaginary unit, roots of primes, and opaque
terms such as `sin(x)`. Real roots of primes, i, pi and letters are independent over the rationals
(Besicovitch 1940 for the roots), so without opaque atoms "the difference is the zero polynomial"
decides equality exactly; with them it only proves equality. No identities of functions are known
here (that is SymPy's work), and everything too large to compute at once raises TooBig.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import isqrt

Monomial = tuple[tuple[str, Fraction], ...]
"""Sorted (atom, exponent) pairs. Atoms: "x", "pi", "i", "#2" (a prime under a root), "@..." (opaque)."""
Poly = dict[Monomial, Fraction]

MAX_TERMS = 300
MAX_BITS = 8_000  # of any one coefficient
MAX_EXPONENT = 100
_MAX_TRIAL = 100_000  # primes under roots are looked for up to here

ONE: Monomial = ()
_ZERO, _HALF, _UNIT = Fraction(0), Fraction(1, 2), Fraction(1)
_I_PI: Monomial = (("i", _UNIT), ("pi", _UNIT))


class TooBig(Exception):
    """The value exists but is not worth the time or memory."""


class Undefined(Exception):
    """Division by zero."""


@dataclass(frozen=True)
class Ratio:
    """num / den; `den` has one term only when it is 1."""

    num: Poly
    den: Poly = field(default_factory=lambda: {ONE: _UNIT})

    @cached_property
    def key(self) -> str:
        """A text that two ratios share only if they are equal (equal ones may differ in it)."""
        num = _show(self.num)
        return num if self.den == {ONE: _UNIT} else f"({num})/({_show(self.den)})"

    @property
    def rational(self) -> Fraction | None:
        """The value, when it is a rational number."""
        if not self.num:
            return _ZERO
        return self.num.get(ONE) if len(self.num) == 1 and self.den == {ONE: _UNIT} else None

    def __add__(self, other: Ratio) -> Ratio:
        if self.den == other.den:
            return quotient(_sum(self.num, other.num), self.den)
        return quotient(
            _sum(_product(self.num, other.den), _product(other.num, self.den)), _product(self.den, other.den)
        )

    def __neg__(self) -> Ratio:
        return Ratio({mono: -c for mono, c in self.num.items()}, self.den)

    def __sub__(self, other: Ratio) -> Ratio:
        return self + -other

    def __mul__(self, other: Ratio) -> Ratio:
        return quotient(_product(self.num, other.num), _product(self.den, other.den))

    def __truediv__(self, other: Ratio) -> Ratio:
        return quotient(_product(self.num, other.den), _product(self.den, other.num))


def number(value: Fraction | int) -> Ratio:
    return Ratio({ONE: Fraction(value)} if value else {})


def atom(name: str) -> Ratio:
    return Ratio({((name, _UNIT),): _UNIT})


def opaque(name: str, *arguments: Ratio) -> Ratio:
    """A term about which nothing is known but its name and arguments."""
    return atom(f"@{name}({','.join(argument.key for argument in arguments)})")


def equal(a: Ratio, b: Ratio) -> bool | None:
    """True or False where it is certain; None where opaque terms might still make them equal."""
    difference = _sum(_product(a.num, b.den), _product((-b).num, a.den))
    if not difference:
        return True
    if any(name.startswith("@") for mono in difference for name, _ in mono):
        return None
    return False


def proportional(a: Ratio, b: Ratio) -> bool | None:
    """Whether a = c*b for a rational constant c != 0 (None: unknown)."""
    if not a.num or not b.num:
        return not a.num and not b.num
    mono, coefficient = min(a.num.items())
    if mono not in b.num or a.den != b.den:
        return None if "@" in a.key + b.key else False
    return equal(a, b * number(coefficient / b.num[mono]))


def power(base: Ratio, exponent: Ratio) -> Ratio:
    """base ** exponent; opaque where the exponent is not a rational number."""
    n = exponent.rational
    if n is None:
        turn = exponent.num.get(_I_PI) if base == atom("e") and len(exponent.num) == 1 else None
        return opaque("pow", base, exponent) if turn is None or len(exponent.den) > 1 else _on_unit_circle(turn)
    if n.denominator == 1:
        return _integer_power(base, n.numerator)
    return _rational_power(base, n)


def _on_unit_circle(turn: Fraction) -> Ratio:
    """e^(i*pi*turn): a power of i times a point of the first quadrant, exact at 30, 45 and 60 degrees."""
    quarters, rest = divmod(turn, _HALF)
    points = {0: (4, 0), Fraction(1, 6): (3, 1), Fraction(1, 4): (2, 2), Fraction(1, 3): (1, 3)}
    quarter = _integer_power(atom("i"), int(quarters % 4))
    if rest not in points:
        return quarter * opaque("turn", number(rest))
    cosine, sine = (_root_of_number(Fraction(part, 4), _HALF) if part else number(0) for part in points[rest])
    return quarter * (cosine + atom("i") * sine)


def _integer_power(base: Ratio, n: int) -> Ratio:
    if (value := base.rational) is not None:
        if n <= 0 and value == 0:
            raise Undefined
        if value not in (0, 1, -1) and abs(n) * _bits(value) > MAX_BITS:
            raise TooBig
        return number(value ** (n if value not in (1, -1) else n % 2))
    if abs(n) > MAX_EXPONENT:
        raise TooBig
    if n < 0:
        return number(1) / _integer_power(base, -n)
    result = number(1)
    for bit in f"{n:b}":
        result = result * result
        result = result * base if bit == "1" else result
    return result


def _rational_power(base: Ratio, n: Fraction) -> Ratio:
    if not base.num:
        return base
    if base.den != {ONE: _UNIT} or len(base.num) != 1:
        return atom(f"@root({base.key})") if n == _HALF else opaque("pow", base, number(n))
    ((mono, coefficient),) = base.num.items()
    result = _root_of_number(coefficient, n)
    for name, exponent in mono:
        positive = name[0] == "#" or name in ("pi", "e")
        if not positive and (exponent != 1 or len(mono) > 1 or coefficient < 0 or name == "i"):
            return opaque("pow", base, number(n))
        result = result * quotient(*_term({name: exponent * n}))
    return result


def _root_of_number(value: Fraction, n: Fraction) -> Ratio:
    """value ** n over roots of primes; odd roots of negative numbers are real, as taught at school."""
    sign = number(1)
    if value < 0:
        if n.denominator == 2:
            sign = _integer_power(atom("i"), n.numerator)
        elif n.denominator % 2 == 0:
            return opaque("pow", number(value), number(n))
        elif n.numerator % 2:
            sign = number(-1)
    if max(abs(n.numerator), n.denominator) > MAX_EXPONENT:
        raise TooBig
    exponents: dict[str, Fraction] = {}
    for part, direction in ((abs(value.numerator), 1), (value.denominator, -1)):
        for prime, times in _factors(part).items():
            name = f"#{prime}"
            exponents[name] = exponents.get(name, _ZERO) + n * times * direction
    return sign * quotient(*_term(exponents))


def _factors(n: int) -> dict[int, int]:
    """Prime factors; TooBig where trial division does not finish (a large rest may be a perfect square)."""
    found: dict[int, int] = {}
    p, limit = 2, _MAX_TRIAL if n.bit_length() <= 200 else 1_000
    while p * p <= n and p <= limit:
        while n % p == 0:
            found[p] = found.get(p, 0) + 1
            n //= p
        p += 1 if p == 2 else 2
    if n > limit * limit:
        root = isqrt(n)
        if root * root != n or root > limit * limit:
            raise TooBig
        return found | {root: 2}
    return found | ({n: found.get(n, 0) + 1} if n > 1 else {})


def _term(exponents: dict[str, Fraction]) -> tuple[Poly, Poly]:
    """One monomial as (num, den): whole powers of primes and of i move into the coefficient."""
    coefficient = _UNIT
    pairs = []
    for name, exponent in sorted(exponents.items()):
        if name == "i":
            coefficient *= -1 if exponent % 4 >= 2 else 1
            exponent %= 2
        elif name[0] == "#":
            whole = exponent // 1
            if abs(whole) * len(name) * 4 > MAX_BITS:
                raise TooBig
            coefficient *= Fraction(int(name[1:])) ** whole
            exponent -= whole
        if exponent:
            pairs.append((name, exponent))
    return {tuple(pairs): coefficient}, {ONE: _UNIT}


def quotient(num: Poly, den: Poly) -> Ratio:
    """num / den in the form that Ratio promises."""
    if not den:
        raise Undefined
    if not num:
        return Ratio({})
    mono, coefficient = min(den.items())
    if (mono, coefficient) != (ONE, _UNIT):
        inverse = _term({name: -exponent for name, exponent in mono})[0]
        scale = {m: c / coefficient for m, c in inverse.items()}
        num, den = _product(num, scale), _product(den, scale)
    if len(den) > 1 and len(num) == len(den):
        mono, coefficient = next(iter(num.items()))
        if mono in den and {m: c * coefficient / den[mono] for m, c in den.items()} == num:
            return number(coefficient / den[mono])
    return Ratio(num, den)


def _sum(a: Poly, b: Poly) -> Poly:
    total = dict(a)
    for mono, coefficient in b.items():
        total[mono] = total.get(mono, _ZERO) + coefficient
    return _checked(total)


def _product(a: Poly, b: Poly) -> Poly:
    if b == {ONE: _UNIT}:
        return a
    if len(a) * len(b) > MAX_TERMS * 10:
        raise TooBig
    total: Poly = {}
    for mono_a, c_a in a.items():
        for mono_b, c_b in b.items():
            mono, factor = _monomial_product(mono_a, mono_b)
            total[mono] = total.get(mono, _ZERO) + c_a * c_b * factor
    return _checked(total)


def _monomial_product(a: Monomial, b: Monomial) -> tuple[Monomial, Fraction]:
    if not a or not b:
        return a or b, _UNIT
    exponents = dict(a)
    for name, exponent in b:
        exponents[name] = exponents.get(name, _ZERO) + exponent
    ((mono, factor),) = _term(exponents)[0].items()
    return mono, factor


def _checked(poly: Poly) -> Poly:
    """Without the terms that have cancelled out. Raises TooBig."""
    poly = {mono: coefficient for mono, coefficient in poly.items() if coefficient}
    if len(poly) > MAX_TERMS or any(_bits(c) > MAX_BITS for c in poly.values()):
        raise TooBig
    return poly


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _show(poly: Poly) -> str:
    terms = (str(c) + "".join(f"*{name}^{exponent}" for name, exponent in mono) for mono, c in sorted(poly.items()))
    return "+".join(terms) or "0"
