"""The searches: a tree of steps, one file per method, and the driver that runs many at once.

`methods.py` lists the methods. Nothing here imports a back end or anything that draws.
"""
