"""syntax.parse: cut off in the middle"""

def merge_models(model_dict, device):
    return (model_dict
