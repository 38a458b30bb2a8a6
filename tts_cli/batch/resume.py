"""What an earlier run of the same batch has done already, and what is to be solved again.

A row is done when the journal's last record of its id was made from the same problem with the same settings and
models, and is no error that may pass. Anything else is solved again and replaces the old record in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from tts_cli.data import fingerprint
from tts_cli.data.record import Problem
from tts_cli.errors import ModelError, reason
from tts_cli.loading import BY_PROFILE, effective, find_profile

if TYPE_CHECKING:
    from tts_cli.config import Settings
    from tts_cli.data.journal import Entry, Journal
    from tts_cli.data.rows import Row
    from tts_cli.models.load import ModelPair
    from tts_cli.models.registry import ModelEntry


class Resume:
    """Asked row by row, in the order of the input. `note` gets a sentence for the user, each kind once.
    Raises ModelError where a model's file is not there."""

    def __init__(
        self, settings: Settings, models: ModelPair, journal: Journal | None, note: Callable[[str], None]
    ) -> None:
        self._journal, self._note = journal, note
        self._settings = fingerprint.of_settings(_all_that_matters(settings, models))
        self._now = {"policy": models.policy.name, "seed": settings.seed}
        self._ids = DistinctIds()
        self._noted: set[str] = set()
        if journal is not None and journal.repaired:
            note(f"note: the last line of {journal.path} was only half written; it has been mended.")

    def visit(self, row: Row) -> Problem | Entry:
        """The row as a problem to solve, or the entry of its record where that was done before."""
        id = self._ids.distinct(row.id)
        if id != row.id:
            self._note_once("ids", f"note: the id {row.id!r} occurs again; the later row is written as {id!r}.")
        text = f"{row.problem}\n{row.error.message}" if row.error else row.problem
        mark = fingerprint.of_row(self._settings, fingerprint.of_problem(text))
        entry = self._journal.visit(id) if self._journal is not None else None
        if entry is not None and entry.fingerprint == mark and not entry.retry:
            return entry
        if entry is not None and entry.fingerprint != mark:
            self._note_change(id, entry)
        carried = {**(row.labels or {}), **(row.input or {})}
        return Problem(id, row.problem, carried or None, mark, row.error)

    def error_of(self, entry: Entry) -> str:
        """What the record of an entry says is wrong with its row."""
        assert self._journal is not None
        return str((self._journal.record_at(entry).get("error") or {}).get("message"))

    def _note_change(self, id: str, entry: Entry) -> None:
        assert self._journal is not None
        aside = f"they are solved again, and their old records go to {self._journal.path}.replaced at the end"
        if fingerprint.settings_part(entry.fingerprint) == self._settings:
            self._note_once("problems", f"note: rows such as {id!r} have another problem than before: {aside}.")
            return
        before = self._journal.record_at(entry)
        changes = [f"{name} {before.get(name)}, now {now}" for name, now in self._now.items() if before[name] != now]
        what = ", ".join(changes) or "flags, profile or model files"
        self._note_once("settings", f"note: rows were solved with other settings ({what}): {aside}.")

    def _note_once(self, subject: str, text: str) -> None:
        if subject not in self._noted:
            self._noted.add(subject)
            self._note(text)


class DistinctIds:
    """Gives an id that occurs again a number: p, p-2, p-3. Keeps a short hash of each."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._repeated: dict[str, int] = {}

    def distinct(self, id: str) -> str:
        if self._is_new(id):
            return id
        number = self._repeated.get(id, 1) + 1
        while not self._is_new(f"{id}-{number}"):
            number += 1
        self._repeated[id] = number
        return f"{id}-{number}"

    def _is_new(self, id: str) -> bool:
        key = blake2b(id.encode(), digest_size=12).digest()
        before = len(self._known)
        self._known.add(key)
        return len(self._known) > before


def _all_that_matters(settings: Settings, models: ModelPair) -> dict[str, Any]:
    """Everything that a record depends on but its problem. Threads, GPU layers and context size are no part of it."""
    found, _ = find_profile(settings, models, 0, 0) if settings.method in BY_PROFILE else (None, None)
    return effective(settings, models).fingerprinted() | {
        "policy": _identity(models.policy),
        "prm": models.prm and _identity(models.prm),
        "prm_format": settings.prm_format,
        "profile": found.key if found else None,
    }


def _identity(entry: ModelEntry) -> dict[str, Any]:
    """Raises ModelError where the file is not there or cannot be read."""
    from tts_cli.models.content import of_file
    from tts_cli.models.registry import locate

    path = locate(entry)
    try:
        content = of_file(path)
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read: {reason(error)}.") from error
    how = entry.model_dump(mode="json", include={"name", "prompt", "separator", "format"})
    return {"content": content, **how}
