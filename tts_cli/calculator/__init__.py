"""The calculator: an equality of numbers in a step that is provably false, by exact arithmetic (`equalities`).

    step ── tokens ── walk to both sides of each sign ── sides that were read whole ── values ── false, or no opinion

In this process, for every step of every search. Values are read by `answers/reading` and worked out by
`answers/evaluate`.
"""
