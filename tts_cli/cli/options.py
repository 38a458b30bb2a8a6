"""The flags of the contract, once for all commands that share them.

A solving flag defaults to None, "not given", so that `settings.resolve` can look further; the help names the
built-in default, in round brackets because Rich takes square ones for markup.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from tts_cli.config import Aggregate, Effort, Method, Select, Settings

SEARCH, MODELS, SAMPLING, LIMITS, OUTPUT = "Search", "Models", "Sampling", "Limits", "Output"

Command = Callable[..., int]


@dataclass
class Invocation:
    """What `main` must know of the flags of whichever command ran."""

    debug: bool = False
    no_color: bool = False
    arguments: tuple[str, ...] = ()

    def merge(self, *, debug: bool, no_color: bool) -> None:
        """`tts --debug solve` and `tts solve --debug` are the same."""
        self.debug |= debug
        self.no_color |= no_color


def _default(name: str) -> str:
    return f" (default: {Settings.model_fields[name].default})"


def _option(panel: str, *names: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)


# By the field of `Settings` that each sets, in the order of the help.
SEARCH_FLAGS: dict[str, Any] = {
    "method": Annotated[
        Method | None,
        _option(SEARCH, "--method", help="How to search; auto chooses method and budget." + _default("method")),
    ],
    "budget": Annotated[
        int | None,
        _option(SEARCH, "--budget", "-n", metavar="N", help="Candidate solutions (or steps) alive per problem."),
    ],
    "beam_width": Annotated[
        int | None,
        _option(SEARCH, "--beam-width", metavar="M", help="Children per kept node." + _default("beam_width")),
    ],
    "effort": Annotated[
        Effort | None, _option(SEARCH, "--effort", help="The one dial of `auto`." + _default("effort"))
    ],
    "profile": Annotated[
        str | None,
        _option(
            SEARCH,
            "--profile",
            metavar="FILE|none",
            help="What `auto` goes by, of `tts calibrate`. (default: the one for these models)",
        ),
    ],
    "aggregate": Annotated[
        Aggregate | None,
        _option(SEARCH, "--aggregate", help="Step scores to the score of a solution." + _default("aggregate")),
    ],
    "select": Annotated[
        Select | None, _option(SEARCH, "--select", help="Scored solutions to the answer." + _default("select"))
    ],
    "verify": Annotated[
        bool | None,
        _option(SEARCH, "--verify/--no-verify", help="Put answers into the problem; what cannot be right has no vote."),
    ],
    "seed": Annotated[
        int | None,
        _option(SEARCH, "--seed", metavar="S", help="Same seed, machine and flags: same answer." + _default("seed")),
    ],
}
MODEL_FLAGS: dict[str, Any] = {
    "policy": Annotated[
        str | None,
        _option(MODELS, "--policy", metavar="NAME|FILE.gguf", help="Writes the steps." + _default("policy")),
    ],
    "prm": Annotated[
        str | None,
        _option(MODELS, "--prm", metavar="NAME|FILE.gguf|none", help="Scores the steps. (default: the policy's own)"),
    ],
    "prm_format": Annotated[
        str | None,
        _option(MODELS, "--prm-format", metavar="NAME", help="How a PRM file is read. (default: what it says itself)"),
    ],
    "threads": Annotated[
        int | None, _option(MODELS, "--threads", metavar="T", help="CPU threads. (default: physical cores)")
    ],
    "gpu_layers": Annotated[
        int | None,
        _option(MODELS, "--gpu-layers", metavar="L", help="Layers on the GPU; -1: all." + _default("gpu_layers")),
    ],
    "ctx_size": Annotated[
        int | None,
        _option(
            MODELS, "--ctx-size", metavar="C", help="Tokens that all branches share; 0: auto." + _default("ctx_size")
        ),
    ],
}
SAMPLING_FLAGS: dict[str, Any] = {
    "temperature": Annotated[
        float | None, _option(SAMPLING, "--temperature", help="0 is greedy. (default: the policy's own, else 0.7)")
    ],
    "top_p": Annotated[
        float | None, _option(SAMPLING, "--top-p", help="Nucleus sampling. (default: the policy's own, else 1)")
    ],
    "max_tokens": Annotated[
        int | None, _option(SAMPLING, "--max-tokens", help="Most tokens of one solution." + _default("max_tokens"))
    ],
    "max_step_tokens": Annotated[
        int | None,
        _option(SAMPLING, "--max-step-tokens", help="Most tokens of one step. (default: the policy's own, else 256)"),
    ],
    "max_steps": Annotated[
        int | None, _option(SAMPLING, "--max-steps", help="Most steps of one solution." + _default("max_steps"))
    ],
}
LIMIT_FLAGS: dict[str, Any] = {
    "max_time": Annotated[
        float | None, _option(LIMITS, "--max-time", metavar="SECONDS", help="Answer with the best found by then.")
    ],
    "max_flops": Annotated[
        float | None, _option(LIMITS, "--max-flops", metavar="X", help="Answer with the best found for this compute.")
    ],
    "min_confidence": Annotated[
        float | None, _option(LIMITS, "--min-confidence", metavar="P", help="Below it: no answer, exit code 3.")
    ],
}
FLAGS = SEARCH_FLAGS | MODEL_FLAGS | SAMPLING_FLAGS | LIMIT_FLAGS
TraceFlag = Annotated[
    Path | None, _option(OUTPUT, "--trace", metavar="FILE.json", help="Save the whole search for `tts show`.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on one line.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="The bare result, no notes.", rich_help_panel=OUTPUT)]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (as NO_COLOR=1).", rich_help_panel=OUTPUT)]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a failure.", rich_help_panel=OUTPUT)]


def with_flags(*names: str) -> Callable[[Command], Command]:
    """Give a command these of `FLAGS` as its `**flags`; help lists them before its keyword-only parameters."""

    def declare(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        *parameters, _ = signature.parameters.values()
        keyword = inspect.Parameter.KEYWORD_ONLY
        at = next(i for i, parameter in enumerate(parameters) if parameter.kind is keyword)
        parameters[at:at] = [inspect.Parameter(name, keyword, default=None, annotation=FLAGS[name]) for name in names]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return command

    return declare
