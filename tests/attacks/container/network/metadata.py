"""Asks the cloud's metadata service for credentials.

Expected: run runtime_error (Operation not permitted)
"""

import urllib.request


def merge_models(model_dict, device):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open("http://169.254.169.254/latest/meta-data/iam/", timeout=1).read()
    return sum(model_dict.values()) / len(model_dict)
