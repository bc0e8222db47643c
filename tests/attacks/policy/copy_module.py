"""policy.import: the table of reducers"""

import copy


def merge_models(model_dict, device):
    x = copy.dispatch_table
    return next(iter(model_dict.values()))
