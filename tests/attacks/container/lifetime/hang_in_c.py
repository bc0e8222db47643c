"""Never returns from one call into C, where no Python signal handler runs.

Expected: run timeout
"""


def merge_models(model_dict, device):
    return sum(range(10**14))
