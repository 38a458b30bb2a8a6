"""The packaged schema is the record's, and the contract's example satisfies it."""

from __future__ import annotations

import json

import jsonschema
import pytest

from tests.cli import scripted
from tts_cli.data import schema

EXAMPLE = """
{"id": "p17", "problem": "...", "answer": "65", "confidence": 0.97, "solution": "the chosen solution's full text",
 "method": "beam", "budget": 16, "difficulty": "easy", "why": "one sentence",
 "votes": [{"answer": "65", "count": 14, "weight": 12.8}, {"answer": "56", "count": 2, "weight": 0.3}],
 "cost": {"policy_prompt_tokens": 31, "policy_tokens": 902, "prm_tokens": 1010, "flops": 6.1e9, "seconds": 1.8},
 "policy": "nano", "prm": "nano-prm", "seed": 0, "finish": "answered", "error": null}
"""


def packaged() -> dict[str, object]:
    return json.loads(schema.PATH.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_the_packaged_schema_is_current() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text(), "run: python -m tts_cli.data.schema"


def test_records_satisfy_it() -> None:
    jsonschema.validate(json.loads(EXAMPLE), packaged())
    jsonschema.validate(json.loads(scripted.record().model_dump_json(exclude={"input"})), packaged())


@pytest.mark.parametrize(
    "change", [{"confidence": 2}, {"finish": "bored"}, {"votes": [{"answer": 1}]}, {"budget": "4"}]
)
def test_other_things_do_not(change: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(EXAMPLE) | change, packaged())
