"""syntax.parse: prose around the code"""

Here is the program:

def merge_models(model_dict, device):
    return None
