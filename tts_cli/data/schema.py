"""The record's JSON schema, packaged as `record.schema.json`. Rewrite it with `python -m tts_cli.data.schema`."""

from __future__ import annotations

import json
from pathlib import Path

from tts_cli.data.record import Record

PATH = Path(__file__).with_name("record.schema.json")


def text() -> str:
    """The schema as it must stand in the file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Record.model_json_schema()}
    return json.dumps(schema, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
