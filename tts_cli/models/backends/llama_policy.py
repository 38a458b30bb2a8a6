"""A policy that runs on llama.cpp: asks with the model's own chat template, and writes one step at a time.

The branch keeps the tokens as they were sampled; a step's text is read off them and never tokenised again.
"""

from __future__ import annotations

from functools import partial

from tts_cli.engine import Engine, Generated, Sampler
from tts_cli.models.backends.prefixes import BranchPrefix
from tts_cli.models.chat import policy_prompt
from tts_cli.models.entry import ModelEntry, PromptStyle
from tts_cli.models.relay import Relay, Task
from tts_cli.models.steps import StepEnd, step_text
from tts_cli.models.tokens import compile_template, fill, with_bos
from tts_cli.protocols import Job, Prefix, SampledStep, SampleKey, Sampling, Usage


class LlamaPolicy:
    """`protocols.Policy` on an engine. `entry` says where steps end; `style` how the model is asked.

    Raises ModelError for a chat template that cannot be used.
    """

    def __init__(self, engine: Engine, entry: ModelEntry, style: PromptStyle) -> None:
        self.name = entry.name
        self.parameters = engine.parameters
        self.entry = entry
        self.family = entry.family
        self.engine = engine
        self._relay = Relay()
        template = engine.metadata.get("tokenizer.chat_template")
        self._prompt = compile_template(engine.vocab, policy_prompt(template, style))

    @property
    def busy(self) -> bool:
        """True while a sample is under way."""
        return self.engine.busy or bool(self._relay)

    def start(self, problem: str, usage: Usage) -> BranchPrefix:
        """The handle of a problem's prompt. Raises PromptTooLong."""
        return BranchPrefix(self.engine.root(self.prompt_tokens(problem), usage), None)

    def prompt_tokens(self, problem: str) -> list[int]:
        """The prompt's tokens; nothing in the problem is read as a special token."""
        vocab = self.engine.vocab
        return with_bos(vocab, fill(vocab, self._prompt, {"problem": problem.strip()}))

    def sample(self, prefix: Prefix, key: SampleKey, sampling: Sampling) -> Job[SampledStep]:
        """Sample one step after `prefix`, which stays valid for further samples."""
        assert isinstance(prefix, BranchPrefix)
        inner = self.engine.generate(
            prefix.branch,
            sampler=Sampler(key, sampling),
            stop=StepEnd(self.entry.separator),
            max_tokens=sampling.max_step_tokens,
        )
        prefix.users += 1
        task = Task(inner, partial(self._sampled, prefix), partial(prefix.drop, self.engine))
        return self._relay.add(task).join()

    def _sampled(self, prefix: BranchPrefix, generated: Generated) -> SampledStep:
        text = step_text(generated.text, self.entry.separator)
        child = BranchPrefix(generated.branch, prefix)
        return SampledStep(text, len(generated.tokens), generated.finish, child, generated.logprob)

    def advance(self) -> None:
        """One decode for all samples under way; ends those that are complete."""
        if self.engine.busy:
            self.engine.advance()
        self._relay.settle()

    def release(self, prefix: Prefix) -> None:
        """Let go of a prefix; its branch is freed when nothing after it is held either."""
        assert isinstance(prefix, BranchPrefix)
        prefix.drop(self.engine)

    def cancel(self, job: Job[SampledStep]) -> None:
        """Stop working on a job; it is never resolved. A job that has ended is left alone."""
        task = self._relay.leave(job)
        if task is not None:
            self.engine.cancel(task.inner)

    def close(self) -> None:
        """Free the model."""
        self.engine.close()
