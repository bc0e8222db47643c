"""Tries to take over the terminal of whoever reads its output or its error: escapes, bells, bidirectional text.

Expected: run runtime_error (\\x1b]0;owned\\x07)
"""

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[31m\u202egnp.exe\u2066\x9b5n\r\x08\x00\x7f\u2028 {x!r} %s </script>"


def merge_models(model_dict, device):
    print(HOSTILE, flush=True)
    raise ValueError(HOSTILE)
