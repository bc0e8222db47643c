"""Claims a reason that only the host may give.

Expected: run protocol
"""

import os

PREFIX = b"\n\x1eassay "
FAILED = b'{"kind": "failed", "id": "", "reason": "duplicate", "detail": "of nothing", "fingerprint": ""}\n'


def merge_models(model_dict, device):
    os.write(1, PREFIX + FAILED)
    os._exit(10)
