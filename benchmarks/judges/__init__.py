"""What each kind of judge is worth with real models: docs/measurements/judges.md.

    plan.py ── commands and what they leave ── RUNS ── report.py ── the table in the document

`python -m benchmarks.judges run --data DATA --models MODELS --out RUNS` takes hours on two cores. It can be killed at
any time and goes on where it was; `report` fills in what is there.
"""
