"""The engine: one GGUF model, many branches, one decode at a time for all of them.

It knows tokens and logits only; prompts, steps and scores are the business of `tts_cli.models`.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any, Self

from tts_cli.engine.context import MAX_SEQUENCES, Context, DecodeInterrupted, Work
from tts_cli.engine.library import physical_cores, supports_gpu
from tts_cli.engine.model import Model, load_model
from tts_cli.engine.pace import Pace
from tts_cli.engine.plan import ContextPlan, Layout, longest_stretch, make_contexts, plan
from tts_cli.engine.pool import Branch, Pool
from tts_cli.engine.sampling import Sampler
from tts_cli.engine.scheduler import Scheduler
from tts_cli.engine.streams import StreamPool
from tts_cli.engine.tasks import Evaluated, Evaluation, Generated, Generation, GenerationJob, ReadOut, Stop
from tts_cli.errors import PromptTooLong, TtsError, UsageError
from tts_cli.protocols import Job, Usage

ALL_LOGITS = ReadOut()
SAVED_LIMIT = 1 << 30
"""Bytes of idle streams that are kept in main memory."""


class Engine:
    """A loaded model and its KV cache.

    `n_ctx`: tokens that all branches together may keep (0: by need, see plan.py). `n_seq_max`: jobs at work at once,
    1 to 256. `threads`: in all (None: physical cores). `gpu_layers` -1: all. `n_batch`: rows per decode, at most.
    `n_contexts`: llama.cpp contexts that share the work, `layout` of their cells, `flash_attention` (None: by the model
    and the device, see plan.py). `share`: an engine whose weights are used, if they are of the same file.
    Raises UsageError for a number out of range, ModelError when the file cannot be loaded, TtsError when its contexts
    cannot be made.

        with Engine(path) as engine:
            root = engine.root(engine.vocab.tokenize("1 + 1 =", special=False), Usage())
            sampler = Sampler(SampleKey(seed=0, problem="1 + 1", path=(0,)), Sampling())
            job = engine.generate(root, sampler=sampler, stop=lambda text: None, max_tokens=20)
            while not job.done:
                engine.advance()
            print(job.result().text)
    """

    def __init__(
        self,
        path: Path,
        *,
        n_ctx: int = 0,
        n_seq_max: int = 64,
        threads: int | None = None,
        gpu_layers: int = -1,
        n_batch: int = 512,
        layout: Layout | None = None,
        flash_attention: bool | None = None,
        n_contexts: int | None = None,
        share: Engine | None = None,
    ) -> None:
        if n_ctx < 0 or not 1 <= n_seq_max <= MAX_SEQUENCES or n_batch < 1 or (threads is not None and threads < 1):
            raise UsageError(
                "the context size, sequences, batch or threads are out of range",
                f"Sequences go from 1 to {MAX_SEQUENCES}, the others from 1 up.",
            )
        model = _shared_model(share, path) or load_model(path, gpu_layers=gpu_layers)
        on_gpu = gpu_layers != 0 and supports_gpu()
        try:
            wanted = plan(
                model,
                n_ctx,
                n_seq_max,
                threads or physical_cores(),
                n_contexts,
                on_gpu=on_gpu,
                layout=layout,
                flash_attention=flash_attention,
            )
            stretch = n_batch if on_gpu else longest_stretch(model.parameters, n_batch)
            contexts = make_contexts(model, wanted, n_batch, stretch)
        except TtsError:
            model.free()
            raise
        # Runs once: at close(), when the engine is collected, or when the interpreter ends.
        workers = ThreadPoolExecutor(wanted.workers) if wanted.workers > 1 else None
        self._free = weakref.finalize(self, _free_all, model, contexts, workers)
        pools = [_pool(context, wanted) for context in contexts]
        self._scheduler = Scheduler(pools, model.vocab.n_tokens, workers)
        self._model, self._number = model, 0
        self.path, self.vocab = path, model.vocab
        self.parameters, self.n_ctx_train, self.n_embd = model.parameters, model.n_ctx_train, model.n_embd
        self.n_ctx = wanted.n_ctx if wanted.layout == "streams" else sum(context.n_ctx for context in contexts)
        longest = wanted.n_ctx_limit if wanted.layout == "streams" else contexts[0].n_ctx
        self.max_length = min(longest, model.n_ctx_train)
        self.layout, self.flash_attention = wanted.layout, contexts[0].shape.flash_attention
        self.lacks_flash_attention = wanted.flash_attention and not self.flash_attention
        self.metadata: Mapping[str, str] = {
            key: value for key, value in model.header.metadata.items() if isinstance(value, str)
        }

    @property
    def busy(self) -> bool:
        """True while a job waits or runs."""
        return bool(self._scheduler.waiting or self._scheduler.live)

    @property
    def pace(self) -> Pace:
        """What other programs leave of the cores, and what is made of that."""
        return self._scheduler.pools[0].context.pace

    @property
    def work(self) -> Work:
        """What was done so far, of all contexts together."""
        each = [astuple(pool.context.work) for pool in self._scheduler.pools]
        return Work(*(sum(column) for column in zip(*each, strict=True)))

    def root(self, tokens: Sequence[int], usage: Usage) -> Branch:
        """The branch of a prompt (at least one token); it is run when it is first used. Raises PromptTooLong."""
        self._check_tokens(tokens)
        if not tokens:
            raise ValueError("a prompt needs at least one token")
        self._check_length(len(tokens))
        return Branch(None, tokens, usage, sampled=False)

    def extend(self, branch: Branch, tokens: Sequence[int]) -> Branch:
        """The branch of given tokens after another one; they are run when something after them is."""
        self._check_tokens(tokens)
        return Branch(branch, tokens, branch.usage, sampled=False)

    def generate(
        self, branch: Branch, *, sampler: Sampler, stop: Stop, max_tokens: int, see: bool = False
    ) -> Job[Generated]:
        """Sample one step after `branch`, which stays usable. `see`: return what was `Seen` of it, too.
        Ends when `stop`, given the step's bytes so far, returns a Finish; at an end token (EOS); after `max_tokens`
        (LENGTH); or when the path reaches the context's or the trained length (CONTEXT)."""
        if max_tokens < 1:
            raise ValueError("max_tokens must be at least 1")
        task = Generation(self._next(), branch, self.vocab, sampler, stop, max_tokens, self.max_length, see)
        self._scheduler.add(task)
        return task.job

    def evaluate(
        self, branch: Branch, tokens: Sequence[int], marks: Sequence[int], read_out: ReadOut = ALL_LOGITS
    ) -> Job[Evaluated]:
        """Run `tokens` after `branch` and return what `read_out` names at `marks`, indexes into `tokens`; negative ones
        count back from the end of `branch`, whose tokens are then run (again) from there.
        The job fails with PromptTooLong when the path does not fit."""
        self._check_tokens((*(read_out.tokens or ()), *read_out.following))
        self._check_tokens(tokens)
        if any(not -branch.length <= mark < len(tokens) for mark in marks):
            raise ValueError("a mark lies outside of the tokens")
        if len(read_out.following) not in (0, len(marks)):
            raise ValueError("one token follows each mark")
        task = Evaluation(self._next(), branch, tokens, marks, read_out, (self.vocab.n_tokens, self.n_embd))
        try:
            self._check_length(task.child.length)
        except PromptTooLong as error:
            task.job.fail(error)
        self._scheduler.add(task)
        return task.job

    def advance(self) -> None:
        """One decode (one per context) over rows of all jobs at work; ends those that are complete.
        Raises ModelError when llama.cpp fails."""
        self._check_open()
        with suppress(DecodeInterrupted):
            self._scheduler.step()

    def interrupt(self) -> None:
        """From any thread: the decode under way, or else the next one, is broken off and has changed nothing.
        On CPUs, and with one context: several are for tiny models, whose decodes are short."""
        if len(self._scheduler.pools) == 1:
            self._scheduler.pools[0].context.interrupt()

    def written(self, job: Job[Any]) -> tuple[bytes, int] | None:
        """The bytes that a job of `generate`, or one derived from it, has sampled so far, and their number of tokens.
        None where it is not under way. The bytes may end within a character."""
        origin = job.origin
        if not isinstance(origin, GenerationJob) or origin.done:
            return None
        return bytes(origin.text), origin.tokens

    def release(self, branch: Branch) -> None:
        """Free what is kept for `branch` and its descendants, except what jobs at work and other branches share.
        Safe to call twice. A released branch may still be used: it is then run again."""
        branch.released, branch.logits = True, None
        if self._free.alive:
            for pool in self._scheduler.pools:
                pool.release(branch)

    def cancel(self, job: Job[Any]) -> None:
        """Stop working on a job, or on one derived from it: it is never resolved. One that has ended is left alone."""
        source = job.abandon()
        if source is not None and self._free.alive:
            self._scheduler.cancel(source)

    def close(self) -> None:
        """Free the model and its contexts; safe to call twice. Jobs under way are never resolved."""
        self._free()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _next(self) -> int:
        self._check_open()
        self._number += 1
        return self._number

    def _check_open(self) -> None:
        if not self._free.alive:
            raise RuntimeError("the engine is closed")

    def _check_tokens(self, tokens: Sequence[int]) -> None:
        if tokens and (min(tokens) < 0 or max(tokens) >= self.vocab.n_tokens):
            raise ValueError("a token lies outside of the vocabulary")

    def _check_length(self, length: int) -> None:
        if length > self.max_length:
            raise PromptTooLong(
                f"the text is {length} tokens long, and the model takes {self.max_length}",
                "Shorten the problem, or give a larger context size where the model allows it.",
            )


def _shared_model(share: Engine | None, path: Path) -> Model | None:
    if share is None or not share._free.alive or not share.path.samefile(path):
        return None
    share._model.users += 1
    return share._model


def _pool(context: Context, wanted: ContextPlan) -> Pool:
    if wanted.layout == "streams":
        return StreamPool(context, wanted.width, wanted.n_ctx_limit, SAVED_LIMIT)
    return Pool(context, wanted.width)


def _free_all(model: Model, contexts: Sequence[Context], workers: ThreadPoolExecutor | None) -> None:
    if workers is not None:
        workers.shutdown()  # after Ctrl-C a decode may still be under way
    for context in contexts:
        context.free()
    model.free()
