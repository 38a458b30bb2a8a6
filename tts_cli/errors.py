"""Every error that a user may see, with the exit code it ends the program with.

TtsError            1  it failed
├── UsageError      2  a bad flag, value or name
├── ModelError      4  a model is not there, unreadable or unfit
└── PromptTooLong   1  the problem does not fit into the model's context
"""

import logging


class TtsError(Exception):
    """One sentence of what failed and why (`what`), one of how to mend it (`hint`)."""

    exit_code = 1
    kind = "error"

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}\n{hint}" if hint else what)
        self.what = what
        self.hint = hint


class UsageError(TtsError):
    """A flag, a value or a name that cannot be used."""

    exit_code = 2
    kind = "usage"


class ModelError(TtsError):
    """A model file that is missing, unreadable, not a GGUF, or unfit for its role."""

    exit_code = 4
    kind = "model"


class PromptTooLong(TtsError):
    """The prompt does not fit into the context of the model."""

    kind = "prompt-too-long"


def reason(error: Exception) -> str:
    """Why something failed, in the few words that end a message such as "FILE cannot be read: permission denied".

    >>> reason(PermissionError(13, "Permission denied", "notes.txt"))
    'permission denied'
    """
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return next(iter(str(error).splitlines()), type(error).__name__)


def log_unexpected(error: Exception | None) -> None:
    """The traceback of an error that ends in a record; one that is raised shows its own."""
    if error is not None and not isinstance(error, TtsError):
        logging.getLogger(__name__).debug("An unexpected error ended a search.", exc_info=error)


def log_tracebacks() -> None:
    """Write the tracebacks of unexpected errors that end in a record to stderr: what `--debug` asks for."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("tts_cli").setLevel(logging.DEBUG)
