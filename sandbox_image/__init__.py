"""What runs inside a container: the runner, the cell, and the protocol that the host shares with them.

In a container, importing this package first makes `import torch` a quarter cheaper: torch's kernels for the
`meta` device (shapes without data, for compilers) are left out, and nothing here or in a program's dialect
has a use for them. `limits.pin` supplies the one thing besides that they bring. On the host nothing changes.
"""

import os
import sys
from types import ModuleType

if os.environ.get("ASSAY_CONTAINED") == "1" and "torch" not in sys.modules:
    sys.modules["torch._meta_registrations"] = ModuleType("torch._meta_registrations")
