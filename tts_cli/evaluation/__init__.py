"""Measures methods and budgets on labelled problems: sample once, store it, score it in every way that was asked for.

problems x units -> collect (live models) -> store -> replay (no model) -> grade -> summary
"""
