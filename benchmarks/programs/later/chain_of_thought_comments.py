import torch

# Idea: The models may disagree about the sign of an update. When they disagree a lot
# the update is likely to be noise, so it should be shrunk. When they agree, we can be
# more aggressive than a plain mean. Let's define agreement in [0, 1] as
#     |sum of signs| / n
# and let the gain run from 0.5 (no agreement) to 1.5 (full agreement).

def agreement(stack):
    n = stack.shape[0]
    return stack.sign().sum(dim=0).abs() / n

def gain(a, low=0.5, high=1.5):
    return low + (high - low) * a

def merge_models(model_dict, device):
    stack = torch.stack([model_dict[name].to(device) for name in model_dict.keys()], dim=0)
    a = agreement(stack)
    merged = stack.mean(dim=0) * gain(a)
    # keep the overall norm of the mean so that the gain only redistributes
    merged = merged * (stack.mean(dim=0).norm() / (merged.norm() + 1e-8))
    return merged
