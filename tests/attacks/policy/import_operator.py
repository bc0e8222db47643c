"""policy.import: operator.attrgetter reads attributes that no guard sees"""

from operator import attrgetter


def merge_models(model_dict, device):
    x = attrgetter('__class__')(model_dict)
    return next(iter(model_dict.values()))
