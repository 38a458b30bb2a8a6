"""Which method and how much compute: plans, `auto` and the rules that it decides by, profiles, the paper's table.

Decides with numbers alone and gives its reasons as facts; `solving` runs what was decided and puts it into words.
"""
