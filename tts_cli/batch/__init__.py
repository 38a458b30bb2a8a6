"""Many problems: rows in, what an earlier run has done already, workers, records out in order. Prints nothing.

input -> resume -> executor (in this process, or worker processes) -> order -> output
"""
