"""Runs GGUF models through llama.cpp: sequences that share prefixes, continuous batching, sampling.

The only package that imports llama_cpp.
"""

from tts_cli.engine.engine import Engine
from tts_cli.engine.library import allowed_cores
from tts_cli.engine.model import Vocab
from tts_cli.engine.pool import Branch
from tts_cli.engine.sampling import Sampler
from tts_cli.engine.tasks import Evaluated, Generated, ReadOut, Seen

__all__ = ["Branch", "Engine", "Evaluated", "Generated", "ReadOut", "Sampler", "Seen", "Vocab", "allowed_cores"]
