"""A policy that runs on llama.cpp: asks with the model's own chat template, and writes one step at a time.

The branch keeps the tokens as they were sampled; a step's text is read off them and never tokenised again.
"""

from __future__ import annotations

from functools import partial

from tts_cli.engine import Branch, Engine, Generated, Sampler
from tts_cli.models.chat import policy_prompt
from tts_cli.models.entry import ModelEntry, PromptStyle
from tts_cli.models.protocols import Job, Ledger, Prefix, SampledStep, SampleKey, Sampling
from tts_cli.models.relay import Relay, Task
from tts_cli.models.steps import StepEnd, step_text
from tts_cli.models.tokens import compile_template, fill, with_bos


class LlamaPolicy:
    """`protocols.Policy` on an engine. `entry` says where steps end; `style` how the model is asked.

    Raises ModelError for a chat template that cannot be used.
    """

    def __init__(self, engine: Engine, entry: ModelEntry, style: PromptStyle) -> None:
        self.name = entry.name
        self.parameters = engine.parameters
        self.entry = entry
        self.engine = engine
        self._relay = Relay()
        vocab, template = engine.vocab, engine.metadata.get("tokenizer.chat_template")
        self._prompt = compile_template(vocab, policy_prompt(template, style))

    @property
    def busy(self) -> bool:
        return self.engine.busy or bool(self._relay)

    def start(self, problem: str, ledger: Ledger) -> Branch:
        """The handle of a problem's prompt. Raises PromptTooLong."""
        return self.engine.root(self.prompt_tokens(problem), ledger)

    def prompt_tokens(self, problem: str) -> list[int]:
        """The prompt's tokens; nothing in the problem is read as a special token."""
        vocab = self.engine.vocab
        return with_bos(vocab, fill(vocab, self._prompt, {"problem": problem.strip()}))

    def sample(self, prefix: Prefix, key: SampleKey, sampling: Sampling) -> Job[SampledStep]:
        """Sample one step after `prefix`, which stays valid for further samples."""
        assert isinstance(prefix, Branch)
        inner = self.engine.generate(
            prefix,
            sampler=Sampler(key, sampling),
            stop=StepEnd(self.entry.separator),
            max_tokens=sampling.max_step_tokens,
        )
        task = Task(inner, partial(_sampled, separator=self.entry.separator))
        return self._relay.add(task).join()

    def advance(self) -> None:
        """One decode for all samples under way; ends those that are complete."""
        if self.engine.busy:
            self.engine.advance()
        self._relay.settle()

    def release(self, prefix: Prefix) -> None:
        """Free what only this prefix holds."""
        assert isinstance(prefix, Branch)
        self.engine.release(prefix)

    def cancel(self, job: Job[SampledStep]) -> None:
        """Stop working on a job; it is never resolved."""
        task = self._relay.leave(job)
        if task is not None:
            self.engine.cancel(task.inner)

    def close(self) -> None:
        """Free the model."""
        self.engine.close()


def _sampled(generated: Generated, *, separator: str) -> SampledStep:
    text = step_text(generated.text, separator)
    return SampledStep(text, len(generated.tokens), generated.finish, generated.branch)
