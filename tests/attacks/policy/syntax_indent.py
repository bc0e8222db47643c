"""syntax.parse: inconsistent indentation"""

def merge_models(model_dict, device):
    x = 1
  return x
