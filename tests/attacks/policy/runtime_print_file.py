"""runtime: file= by unpacking into print"""


def merge_models(model_dict, device):
    options = {"file": model_dict}
    print("x", **options)
    return next(iter(model_dict.values()))
