"""policy.import: the other branch of the main block runs"""

import torch


def merge_models(model_dict, device):
    pass
    return next(iter(model_dict.values()))


if __name__ == '__main__':
    pass
else:
    import os
