"""Never returns from one call into C.

Expected: screen timeout
"""

def merge_models(model_dict, device):
    return sum(range(10**14))
