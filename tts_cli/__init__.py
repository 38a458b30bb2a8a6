"""tts: test-time scaling for small local language models on maths problems."""

__version__ = "0.1.0"
