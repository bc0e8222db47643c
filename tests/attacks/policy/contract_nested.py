"""contract.missing: merge_models inside another function"""

def outer():
    def merge_models(model_dict, device):
        return None
