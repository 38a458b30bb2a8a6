"""The calculator as the settings have it: on or off."""

from __future__ import annotations

from tts_cli.answers.false_equality import Refute, never


def refuter(*, on: bool) -> Refute:
    """What finds a false equality in a step; it finds none where the calculator is off, and is not even imported."""
    if not on:
        return never
    from tts_cli.calculator.equalities import false_equality

    return false_equality
