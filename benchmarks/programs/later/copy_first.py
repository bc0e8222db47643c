import copy
import torch


def merge_models(model_dict, device):
    result = copy.deepcopy(model_dict[list(model_dict.keys())[0]])
    for key in list(model_dict.keys())[1:]:
        result = result + model_dict[key]
    return result / len(model_dict)
