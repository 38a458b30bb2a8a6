"""Hugging Face directories become GGUF files, without PyTorch: `tts models import`.

1. `checkpoint.py` finds the tensors in the safetensors files; nothing that could be a program is opened.
2. `architecture.py` says what config.json means: GGUF metadata, and which tensor goes where in which shape.
3. `tokenizer.py` reads the byte-level BPE of tokenizer.json.
4. `heads.py` knows the heads of published PRMs, for which a GGUF has no room: they get a file of their own.
5. `convert.py` puts it together, a block of rows at a time, and gives the files their names only once they are whole.
"""
