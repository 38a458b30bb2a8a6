"""Measures methods and budgets on labelled problems: sample once, store it, score it in every way that is asked for.

    problems x search jobs ── collect (live models) ── store ── simulate (no model) ── grade ── summary
                                                                        └── observations ── profile (`tts calibrate`)

`run.EvalRun` is the whole of it for a caller; `calibrate` makes a profile with it.
"""
