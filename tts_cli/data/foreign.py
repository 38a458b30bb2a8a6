"""Files that hold no lines of UTF-8 text (Parquet, archives, spreadsheets): what they are, and the way to JSONL.

They are recognised, by their names or first bytes, and not read: that would take libraries that nothing else needs.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

_FROM_PARQUET = (
    "`pip install pyarrow && python -c 'import json, sys, pyarrow.parquet as parquet; "
    "[print(json.dumps(row, default=str)) for row in parquet.read_table(sys.argv[1]).to_pylist()]' {file} > {made}` "
    "makes JSONL of it."
)
_WAYS = {  # by suffix; {file} stands for the file, {made} for the one to be made of it
    "parquet": _FROM_PARQUET,
    "gz": "`gunzip < {file} > {made}` unpacks it.",
    "bz2": "`bunzip2 < {file} > {made}` unpacks it.",
    "xz": "`unxz < {file} > {made}` unpacks it.",
    "zst": "`unzstd < {file} > {made}` unpacks it.",
    "zip": "`unzip -p {file} > {made}` unpacks it.",
    "tar": "`tar -xOf {file} > {made}` unpacks it.",
    "tgz": "`tar -xzOf {file} > {made}` unpacks it.",
    "xlsx": "Save the table as CSV.",
    "xls": "Save the table as CSV.",
    "utf-16": "Convert it first, for example with: iconv -f utf-16 -t utf-8",
}
_MAGIC = (  # how the bytes of a file begin that holds no lines of text, what it is, and the suffix of such files
    (re.compile(rb"\xff\xfe|\xfe\xff"), "UTF-16, not UTF-8", "utf-16"),
    (re.compile(rb"PAR1[\x00-\x1f]"), "Parquet, not text", "parquet"),
    (re.compile(rb"\x1f\x8b"), "compressed (gzip)", "gz"),
    (re.compile(rb"BZh[1-9]1AY&SY"), "compressed (bzip2)", "bz2"),
    (re.compile(rb"\xfd7zXZ\x00"), "compressed (xz)", "xz"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "compressed (zstd)", "zst"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive", "zip"),
)


def way_to_jsonl(suffix: str, path: Path) -> str | None:
    """How to make a readable file of one with this suffix, mostly a command; None where nothing is known.

    >>> way_to_jsonl(".xz", Path("my problems.jsonl.xz"))
    "`unxz < 'my problems.jsonl.xz' > 'my problems.jsonl'` unpacks it."
    """
    way = _WAYS.get(suffix.removeprefix("."))
    inner = path.with_suffix("")
    made = inner if inner.suffix else path.with_suffix(".jsonl")
    return way and way.replace("{file}", shlex.quote(str(path))).replace("{made}", shlex.quote(str(made)))


def begins_foreign(line: bytes) -> tuple[str, str] | None:
    """What is wrong with input that begins so, and how to mend it; None for text."""
    for magic, what, suffix in _MAGIC:
        if magic.match(line):
            return f"The input is {what}.", way_to_jsonl(suffix, Path("FILE")) or ""
    return None
