"""Names that pickles of version 0.1.0 have, and where what they name is now. Nothing else imports by them."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

_NAMES: dict[str, dict[str, str]] = {
    "models": {
        **dict.fromkeys(("Task", "Video"), "domain.task"),
        **dict.fromkeys(("GenerateRequest", "ExtendRequest", "ModifyRequest", "VideoRef"), "domain.requests"),
        "Status": "domain.vocabulary",
    },
    "files": {"LocalFile": "domain.media"},
    "notebook": {},
    "notebook.clip": {"_revive": "api.kernel:restore_clip_of_0_1_0"},
    "notebook.clips": {"Clips": "clip.clip_list:ClipList"},
}


def register(package: str) -> None:
    """Let the modules of version 0.1.0 be imported by their old names; what is in them is loaded when asked for."""
    for name, homes in _NAMES.items():
        module = ModuleType(f"{package}.{name}", __doc__)
        module.__getattr__ = _getter(package, module.__name__, homes)  # type: ignore[method-assign]
        sys.modules[module.__name__] = module


def _getter(package: str, module: str, homes: dict[str, str]) -> Any:
    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, new_name = homes[name].partition(":")
        return getattr(import_module(f"{package}.{home}"), new_name or name)

    return get
