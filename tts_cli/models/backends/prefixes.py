"""Handles on engine branches. A search lets go of a step while it still goes on from the steps after it; the
branch is freed when nobody holds it or anything after it."""

from __future__ import annotations

from tts_cli.engine import Branch, Engine


class BranchPrefix:
    """A prompt or a step that ends with `branch`. `users` counts who was given it, and what grows after it."""

    __slots__ = ("branch", "parent", "users")

    def __init__(self, branch: Branch, parent: BranchPrefix | None, users: int = 1) -> None:
        self.branch = branch
        self.parent = parent
        self.users = users

    @property
    def length(self) -> int:
        """Tokens from the beginning of the prompt to here."""
        return self.branch.length

    def drop(self, engine: Engine) -> None:
        """One user less; free the branch, and its ancestors, as soon as there is none."""
        prefix: BranchPrefix | None = self
        while prefix is not None:
            prefix.users -= 1
            if prefix.users > 0:
                return
            engine.release(prefix.branch)
            prefix = prefix.parent
