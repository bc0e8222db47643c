"""What runs inside a container: the runner, the cell, and the protocol that the host shares with them.

In a container, importing this package first makes `import torch` cheaper (`lean.py`). On the host nothing
changes.
"""

import os
import sys

from sandbox_image import lean

if os.environ.get("ASSAY_CONTAINED") == "1" and "torch" not in sys.modules:
    lean.install()
