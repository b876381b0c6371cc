"""The Hub's proxy, which is a program for Node."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

PROXY = "configurable-http-proxy"
FOLDER = Path(__file__).parents[2] / "build" / "proxy"
# Where it may be, and where Node is if it came with a wheel.
PATHS = os.pathsep.join(
    (str(FOLDER / "node_modules" / ".bin"), os.environ.get("PATH", ""), str(Path(sys.executable).parent))
)


def hub_proxy() -> str | None:
    """Its program; None where there is none."""
    return shutil.which(PROXY, path=PATHS)
