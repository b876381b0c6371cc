"""luma_jupyter: make Luma AI videos from notebooks.

``%load_ext luma_jupyter`` brings the ``%%luma`` and ``%luma`` magics; ``%luma help`` shows them on one screen. In
Python, `generate`, `extend` and `modify` give a `Clip` at once.

Importing does next to no work: each name is loaded from its module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from luma_jupyter.errors import (
        ClipError,
        ClipFailed,
        ClipNotReady,
        ClipUnconfirmed,
        ConfigError,
        InvalidRequest,
        LumaError,
        OverBudget,
        WaitTimeout,
    )
    from luma_jupyter.notebook.batch import batch
    from luma_jupyter.notebook.clip import Clip
    from luma_jupyter.notebook.compare import compare
    from luma_jupyter.notebook.gallery import gallery
    from luma_jupyter.notebook.orders import extend, generate, modify
    from luma_jupyter.notebook.session import clips
    from luma_jupyter.notebook.studio.studio import Studio
    from luma_jupyter.settings import configure

__version__ = "0.1.0"

_HOMES = {
    "Clip": "notebook.clip",
    "ClipError": "errors",
    "ClipFailed": "errors",
    "ClipNotReady": "errors",
    "ClipUnconfirmed": "errors",
    "ConfigError": "errors",
    "InvalidRequest": "errors",
    "LumaError": "errors",
    "OverBudget": "errors",
    "Studio": "notebook.studio.studio",
    "WaitTimeout": "errors",
    "batch": "notebook.batch",
    "clips": "notebook.session",
    "compare": "notebook.compare",
    "configure": "settings",
    "extend": "notebook.orders",
    "gallery": "notebook.gallery",
    "generate": "notebook.orders",
    "modify": "notebook.orders",
}

__all__ = [
    "Clip",
    "ClipError",
    "ClipFailed",
    "ClipNotReady",
    "ClipUnconfirmed",
    "ConfigError",
    "InvalidRequest",
    "LumaError",
    "OverBudget",
    "Studio",
    "WaitTimeout",
    "batch",
    "clips",
    "compare",
    "configure",
    "extend",
    "gallery",
    "generate",
    "modify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "errors"])


_ATTRIBUTE = "_luma_jupyter"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%load_ext luma_jupyter``."""
    from luma_jupyter.notebook.extension import Extension

    extension = Extension(shell)
    extension.load()
    setattr(shell, _ATTRIBUTE, extension)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%unload_ext luma_jupyter``; clips under way are followed further."""
    if extension := getattr(shell, _ATTRIBUTE, None):
        extension.unload()
        delattr(shell, _ATTRIBUTE)
