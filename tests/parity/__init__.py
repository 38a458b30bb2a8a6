"""Published PRMs against PyTorch: the same token ids and the same step scores.

    cases.py        problems with steps, made from a seed
    checkpoints.py  Hugging Face directories with random weights, made from a seed, in the publishers' classes
    reference.py    what the publishers' code makes of them, in PyTorch (nothing of tts_cli is imported)
    ours.py         the same directories, imported by `tts models import`, and scored
    real.py         a random head alone beside a real model's GGUF, where that is there
    fixtures/       a small vocabulary; the reference's token ids and scores

`python -m tests.parity` prints the table of docs/prms.md. PyTorch is needed for one thing alone: `python -m
tests.parity --write` makes the fixtures again.
"""
