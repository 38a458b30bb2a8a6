"""Differences from the old output that are meant, by name.

Each is applied to the text of the OLD record of the cases that it names, before old and new are compared. One that
changes no record is of no use any more, which `test_golden.py` tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Meant:
    """`cases`: a regular expression that the whole name of a case matches; `old` and `new`: as `re.sub` takes them."""

    cases: str
    old: str
    new: str
    reason: str


_PAD = "\n" + " " * 36
OLD_EFFORT = r" +--effort .*\n"
OLD_PROFILE = r" +--profile .*\n +\(default: the one for these models\)\n"
OLD_VERIFY = r" +--verify .*\n +right has no vote\.\n"
EFFORT = f"    --effort <low|normal|high|max>  How readily `auto` spends more compute.{_PAD}(default: normal)\n"
PROFILE = (
    f"    --profile FILE|none             Calibration profile for `auto`, written by{_PAD}"
    f"`tts calibrate`. (default: the one for these{_PAD}models)\n"
)
VERIFY = (
    f"    --verify / --no-verify          Substitute answers back into the problem;{_PAD}"
    "provably wrong ones do not vote.\n"
)

EXCEPTIONS = (
    Meant(
        cases=r"(auto|trace|batch|eval)-.*",
        old=r"as Draw\(samples=(\d+)\) samples make it seem; N = \d+",
        new=r"as \1 samples make it seem",
        reason="the sentence showed a data class instead of the number in it, and said the budget twice",
    ),
    Meant(
        cases=r"trace-table",
        old=r"as\n  Draw\(samples=(\d+)\) samples make it seem; N = \d+",
        new=r"as \1 samples\n  make it seem",
        reason="the same sentence where `tts explain` breaks it into lines",
    ),
    Meant(
        cases=r".*",
        old=r"tts/told-about-nano",
        new=r"tts/nano-introduced",
        reason="the file that remembers the note on nano was named by a retired word",
    ),
    Meant(
        cases=r"doctor-.*",
        old=r"tells how to get one",
        new=r"says how to get one",
        reason="a retired word",
    ),
    Meant(
        cases=r"(trace|show)-.*",
        old="cannot be told: ",
        new="cannot be said: ",
        reason="plain English in `tts explain`",
    ),
    Meant(
        cases="show-record",
        old="(How large the models are|which samples came first) is not told",
        new=r"\1 is not known",
        reason="plain English in `tts explain` of a record",
    ),
    Meant(
        cases="help-(explain|terminal|tts)",
        old="Tell what a search spent where",
        new="Show what a search spent where",
        reason="plain English in the help of `tts explain`",
    ),
    Meant(
        cases="help-explain",
        old="a trace tells more",
        new="a trace shows more",
        reason="plain English in the help of `tts explain`, below",
    ),
    Meant(
        cases="help-calibrate",
        old=r"Some hundred problems of the kind that will be\n    asked later; fewer tell less",
        new=r"A few hundred problems of the kind that will be\n    asked later; fewer say less",
        reason="`some hundred` means about a hundred: a few hundred are meant",
    ),
    Meant(
        cases="calibrate-refused",
        old="Some hundred tell enough",
        new="A few hundred are enough",
        reason="the same where `tts calibrate` refuses too few problems",
    ),
    Meant(
        cases="help-(grade|show|explain|doctor|models-list)",
        old=r"( +--debug  .*\n)( +--no-color  .*\n)",
        new=r"\2\1",
        reason="one helper makes the output flags of all commands, so they are listed in one order",
    ),
    Meant(
        cases="help-(grade|tts|terminal)",
        old=r"Tell whether two answers are the same\.( ?)",
        new=r"Say whether two answers are the same.\1\1",
        reason="plain English in the help of `tts grade`",
    ),
    Meant(
        cases="error-no-command",
        old=r"Tell whether (.*) Tell what a search",
        new=r"Say whether \1 Show what a search",
        reason="the help of all commands again, in an error",
    ),
    Meant(
        cases="help-(solve|batch)",
        old=r"best-of-n\|beam\|dvts>",
        new="best-of-n|beam|dvts|best-first>",
        reason="best-first is a method like the others",
    ),
    Meant(
        cases="error-unknown-method",
        old=r"'dvts'\.",
        new="'dvts', 'best-first'.",
        reason="best-first is a method like the others, in an error",
    ),
    Meant(
        cases="help-batch",
        old=r"Of INPUT\. ",
        new="Input format. ",
        reason="plain English in the help of `tts batch`",
    ),
    Meant(
        cases="help-eval",
        old=OLD_EFFORT + OLD_PROFILE,
        new=EFFORT + PROFILE,
        reason="plain English in the help of the settings",
    ),
    Meant(
        cases="help-(solve|batch)",
        old=f"{OLD_EFFORT}{OLD_PROFILE}((?: .*\n)*?){OLD_VERIFY}((?: .*\n)*?)(?= +--policy)",
        new=rf"\1{EFFORT}\2{VERIFY}{PROFILE}",
        reason="help lists settings in the order in which they are described",
    ),
    Meant(
        cases="help-(solve|batch|eval)",
        old=r"what it\n( +)says itself",
        new=r"what the\n\1file says",
        reason="plain English in the help of --prm-format",
    ),
    Meant(
        cases="help-(calibrate|check)",
        old=r"what it says\n( +)itself",
        new=r"what the file\n\1says",
        reason="plain English in the help of --prm-format, where it is broken otherwise",
    ),
    Meant(
        cases="help-(solve|batch|eval)",
        old=r"0 is greedy\. \(default: the policy's own,\n( +)else 0\.7\)",
        new=r"Sampling temperature; 0: the likeliest\n\1token. (default: the policy's own, else 0.7)",
        reason="plain English in the help of --temperature",
    ),
    Meant(
        cases="help-calibrate",
        old=r"0 is greedy\. \(default: the policy's own, else\n( +)0\.7\)",
        new=r"Sampling temperature; 0: the likeliest token.\n\1(default: the policy's own, else 0.7)",
        reason="plain English in the help of --temperature, where it is broken otherwise",
    ),
    Meant(
        cases="calibrate-nano",
        old="Easy, medium, hard: as told from",
        new="Easy, medium, hard: as estimated from",
        reason="plain English in what `tts calibrate` prints",
    ),
    Meant(
        cases="calibrate-nano",
        old=r"Rank correlation of difficulty as told\n  with the share",
        new=r"Rank correlation of the estimated\n  difficulty with the share",
        reason="the same in its second note",
    ),
)


def with_exceptions(case: str, text: str) -> str:
    """The text of an old record as it should be now."""
    for meant in EXCEPTIONS:
        if re.fullmatch(meant.cases, case):
            text = re.sub(meant.old, meant.new, text)
    return text
