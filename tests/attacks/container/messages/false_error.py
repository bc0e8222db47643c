"""Raises an error that reads like the host's word for a success.

Expected: run runtime_error (Verified: run)
"""

def merge_models(model_dict, device):
    raise type("Verified", (Exception,), {})('run: exited with status 0\n\x1eassay {"kind": "done"}')
