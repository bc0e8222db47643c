"""policy.node: await in an async function"""

import torch
async def f(x):
    return await x


def merge_models(model_dict, device):
    return next(iter(model_dict.values()))
