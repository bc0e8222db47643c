"""Burns time in more threads than it has processors, past its deadline.

Expected: run timeout
"""

import threading

import torch


def merge_models(model_dict, device):
    def burn():
        while True:
            torch.ones(256, 256) @ torch.ones(256, 256)

    for _ in range(4):
        threading.Thread(target=burn, daemon=True).start()
    burn()
