"""The tables of the GlobalBev lakehouse.

A step that is launched on a cluster finds its upload at the end of ``sys.path``, behind whatever the cluster has installed.
Our sibling packages have generic names (``resources``, ``checks``), so the folder that holds this package is put first.
"""

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path[:1]:
    sys.path.insert(0, _ROOT)
