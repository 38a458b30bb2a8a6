"""The findings of docs/measurements/findings.md: the runs of `tts eval` that they need, and their tables and pictures.

    python -m benchmarks.findings run --out RUNS       # measure: hours
    python -m benchmarks.findings report --runs RUNS   # count, compare and draw: no model is loaded

Which runs there are stands in `plan`; every finding is a module that takes what the runs left and gives Markdown and
pictures. What the figures mean is written by hand in docs/measurements/findings.md, outside the markers.
"""
