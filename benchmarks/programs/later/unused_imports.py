import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from collections import OrderedDict, defaultdict
from itertools import chain, combinations
from functools import reduce
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union


def merge_models(model_dict: Dict[str, torch.Tensor], device: Union[str, torch.device]) -> torch.Tensor:
    values: List[torch.Tensor] = list(model_dict.values())
    return reduce(lambda a, b: a + b, values) / len(values)
