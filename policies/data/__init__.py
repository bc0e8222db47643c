"""The dialect as data: what a program may use, in groups, each with its reason. Read by `policies/dialect.py`."""
