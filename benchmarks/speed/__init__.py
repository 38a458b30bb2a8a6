"""How fast is it, measured against the limit, against what people write, and against itself.

    python -m benchmarks.speed run                             all parts: about 35 minutes on two cores
    python -m benchmarks.speed run --part start,busy,limit,search,peers     without the mechanisms: about 24
    python -m benchmarks.speed run --part curves,limit --full  all policies, and 1,500 tokens deep, too: long
    python -m benchmarks.speed report                          the tables, into benchmarks/README.md

With `--prm` the 0.5B itself, `search` and `peers` take two thirds of the time. `--dry-run` says how long a run takes.

Parts, each in a module of its own (`parts.py` lists them):

    limit       our engine / the best bare llama_decode loop, at equal width and depth
    search      where the wall time of whole searches goes; PRM tokens; many problems at once
    peers       the same work by the high-level Llama class in a loop, and by its server with its_hub and optillm
    mechanisms  ourselves with each mechanism off in turn
    busy        our engine beside a process with two busy threads / alone
    start       `tts solve` up to its first token / the same by bare llama.cpp

What is compared is measured in turns, so that a machine that slows down slows both. A figure is the median of the
rounds, and so is a ratio: of the ratios of each round. Results lie in a JSON file that later runs extend.
"""
