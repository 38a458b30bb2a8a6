"""`tts doctor`: what this machine offers, and what to do where something is missing."""

from __future__ import annotations

import json
from dataclasses import asdict

from tts_cli.cli.channels import Channels, emit, emit_json
from tts_cli.cli.doctor_checks import Check, run
from tts_cli.cli.options import Command

COLORS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(channels: Channels) -> int:
    """Look at llama.cpp, the CPU, GPU offload, memory, models and configuration (-q: problems only)."""
    checks = list(run())
    failed = any(check.status == "fail" for check in checks)
    if channels.json:
        emit_json(json.dumps({"ok": not failed, "checks": [asdict(check) for check in checks]}))
    elif channels.rich_out:
        _draw(channels, checks)
    else:
        emit(_plain([check for check in checks if not channels.quiet or check.status != "ok"]))
    return 1 if failed else 0


def _plain(checks: list[Check]) -> str:
    from tts_cli.cli.view.tables import aligned

    rows: list[tuple[str, str, str]] = []
    for check in checks:
        rows.append((check.status, check.name, check.detail))
        if check.fix and check.status != "ok":
            rows.append(("", "", f"fix: {check.fix}"))
    return "".join(f"{line}\n" for line in aligned(rows, words=3))


def _draw(channels: Channels, checks: list[Check]) -> None:
    from rich.table import Column, Table
    from rich.text import Text

    from tts_cli.cli.view.text import safe_text

    columns = Column(no_wrap=True), Column(no_wrap=True, style="bold"), Column(overflow="fold", ratio=1)
    table = Table.grid(*columns, padding=(0, 2, 0, 0))
    for check in checks:
        detail = Text(safe_text(check.detail))
        if check.fix:
            detail.append(f"\n{safe_text(check.fix)}", style="dim")
        table.add_row(Text(check.status, style=COLORS[check.status]), check.name, detail)
    channels.draw(table)


COMMAND = Command(doctor)
