"""Heads: small models on the states of a language model, trained on labelled problems. `tts train-prm` makes one."""
