"""What can be proved of a solution: that its answer does not fit the problem, that an equality in it is false.

statement (what is asked) and answer -> opinion, in a worker process: right, wrong, or none. `--verify`, and imported
with the flag only. equalities: the calculator, in this process, for every step of every search.
"""
