"""Says `done` in the runner's name and leaves at once, with status 0 and no output.

Expected: verify output_missing
"""

import os

PREFIX = b"\n\x1eassay "
DONE = b'{"kind": "done", "id": "", "reason": "", "detail": "", "fingerprint": ""}\n'


def merge_models(model_dict, device):
    os.write(1, PREFIX + DONE)
    os._exit(0)
