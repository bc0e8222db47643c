"""runtime: str.format as an unbound function, out of sight"""


def merge_models(model_dict, device):
    kind = [str][0]
    kind.format("{0}", 1)
    return next(iter(model_dict.values()))
