"""policy.attribute: an attribute in the annotation of a result"""

import torch


def merge_models(model_dict, device):
    def helper() -> torch.__dict__:
        return 1
    helper()
    return next(iter(model_dict.values()))
