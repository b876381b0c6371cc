"""The environment of the processes that are measured."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def environment(url: str, folder: str) -> dict[str, str]:
    """Both services at ``url``, keys that mean nothing, folders of its own, and no proxy on the way.

    Modules are kept compiled, as they are wherever packages are installed.
    """
    others = ("LUMA_JUPYTER_", "ACEDATACLOUD_", "RUNAPI_", "PYTHONDONTWRITEBYTECODE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(others) and not name.lower().endswith("_proxy")
    }
    return kept | {
        "PYTHONPATH": str(ROOT),
        "ACEDATACLOUD_API_TOKEN": "no-real-token",
        "ACEDATACLOUD_API_BASE_URL": url,
        "ACEDATACLOUD_PLATFORM_BASE_URL": "http://127.0.0.1:9",
        "RUNAPI_API_KEY": "no-real-key",
        "RUNAPI_BASE_URL": url,
        "LUMA_JUPYTER_HOME": str(Path(folder, "home")),
        "LUMA_JUPYTER_MEDIA": str(Path(folder, "media")),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",  # nor is a key of the user's own found
    }
