"""What the programs of a synthetic run look like and how they end: ordinary, broken, and hostile to a reader."""

from __future__ import annotations

import json
import random

HOSTILE_SOURCE = (
    "# </pre></code><script>document.title='owned'</script><img src=x onerror=alert(1)>\n"
    "# \u202e\u2066 reversed \x1b[31m red \x00 nul \u2028 separated {{ 7*7 }} {% raw %}\n"
    "def merge_models(model_dict, device):\n"
    "    s = '''</style><style>body{display:none}'''\n"
    "    return sum(model_dict.values())  # " + "long " * 60 + "\n"
)
HOSTILE_DETAIL = "NameError: <script>document.title='owned'</script>\x1b[2J\u202eevil & 'quotes' \" {{ 7*7 }}"
REJECTIONS = (
    ("check", "syntax", "line 4: expected an indented block after `for`"),
    ("check", "policy", "AS104 line 2: `import os` is not allowed; allowed: torch, math, typing, functools"),
    ("screen", "runtime_error", HOSTILE_DETAIL),
    ("screen", "wrong_shape", "probe 3: expected [4, 6], found [6]"),
    ("screen", "not_finite", "probe 1: 24 of 24 values are NaN"),
    ("screen", "timeout", "no answer within 5.0 s"),
    ("screen", "duplicate", "computes what an earlier program computes"),
    ("run", "out_of_memory", "killed by the memory cgroup at 1024 MiB"),
    ("verify", "output_norm", "norm ratio 214.7: expected at most 10"),
)
WEIGHTS = (4, 7, 14, 5, 4, 3, 9, 1, 2)


def written(chance: random.Random) -> str:
    """Return an ordinary program, one of very many."""
    weights = {name: round(chance.uniform(0, 0.6), 1) for name in ("add", "sub", "mul")}
    return (
        "def merge_models(model_dict, device):\n"
        '    """Weight each task vector and trim what is small."""\n'
        f"    weights = {json.dumps(weights)}\n"
        "    out = None\n"
        "    for name, t in model_dict.items():\n"
        f"        keep = t.abs() >= t.abs().mean() * {round(chance.uniform(0, 1), 2)}  # trim\n"
        "        part = t * keep * weights.get(name, 0.0)\n"
        "        out = part if out is None else out + part\n"
        "    return out\n"
    )
