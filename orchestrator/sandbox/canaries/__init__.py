"""Small attack programs that a run tries on its own sandbox before it begins; `containment.py` runs and judges them.

They are run, as plain Python, in containers: nothing here is ever imported. Each attempt that is refused is
named after `held:`, which is said last: a canary that breaks says something else, one that gets through too.
"""
