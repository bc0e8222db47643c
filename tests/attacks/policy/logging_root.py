"""policy.attribute: reaches through a logger"""

import logging


def merge_models(model_dict, device):
    x = logging.getLogger('x').manager
    return next(iter(model_dict.values()))
