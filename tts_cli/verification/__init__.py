"""`--verify`: substitutes an answer back into problems that are read to their last word. Imported with the flag only.

statement (what is asked) and answer -> opinion, in a worker process: right, wrong, or none
"""
