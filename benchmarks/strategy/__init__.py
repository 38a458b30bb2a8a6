"""The figures of docs/measurements/strategy.md: what `auto` spends and gains, and how far its confidence holds.

    python -m benchmarks.strategy run --out RUNS       # calibrate and sample: hours
    python -m benchmarks.strategy report --runs RUNS   # count, compare and draw: no model is loaded

Everything is told of problems that no profile was made with, from stored samples: what `auto` would have done with
them is played (evaluation.calibrate.play), next to every fixed method under the default vote and under the best one in
hindsight, to adaptive majority voting, to best-first search without a rule and to two oracles.
That what is played is what happens, is checked by runs of `auto` on the real engine. What the figures mean is written
by hand in docs/measurements/strategy.md, outside the markers.
"""
