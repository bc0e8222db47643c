"""The policy: an allowlist dialect of Python for model-written tensor code. A filter, not the wall.

`checker.check` decides before anything runs, `guards.load` runs what was admitted; both read `data/`.
"""
