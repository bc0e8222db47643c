"""Replay: run recorded programs again and say whether the same came out.

classes.py      the eight answers, which of them is worst, and the exit code of each
original.py     what the record says: verified, then folded; nothing is run for it
machine.py      the class of environment of the record and of this machine
compare.py      two tensors, bit by bit
judge.py        one program: what is on record beside what came out
again.py        the running: inputs checked first, then the same stages in the same sandbox
decisions.py    the same answers to the same items, where bits may differ
results.py      a replay's result as JSON, JUnit XML and lines of text

Nothing here writes into a run's directory, and nothing of the record is believed that its digests do not bear out.
"""
