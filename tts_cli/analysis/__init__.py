"""What `tts explain` reports of a finished search: what was spent, how the vote went, what more would bring.

Reads records and traces; runs no model. `tree.py` folds a search's events, for the view too.
"""
