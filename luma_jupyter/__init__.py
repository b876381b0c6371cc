"""luma_jupyter: make Luma AI videos from notebooks.

``%load_ext luma_jupyter`` brings the ``%%luma`` and ``%luma`` magics; ``%luma help`` shows them on one screen. In
Python, `generate`, `extend`, `modify` and `film` give a `Clip` at once.

Importing does next to no work: each name is loaded from its module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from luma_jupyter._aliases import register

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from luma_jupyter import errors as errors
    from luma_jupyter.api.create import adopt, batch, extend, generate, modify
    from luma_jupyter.api.film import film
    from luma_jupyter.api.handed_in import collect, handin
    from luma_jupyter.api.kernel import configure
    from luma_jupyter.api.views import Studio, clips, compare, contact_sheet, gallery, sheet
    from luma_jupyter.clip.clip import Clip
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

__version__ = "1.0.0"

register(__name__)

# Where each public name is at home.
_MODULES = {
    "api.create": ("adopt", "batch", "extend", "generate", "modify"),
    "api.film": ("film",),
    "api.handed_in": ("collect", "handin"),
    "api.kernel": ("configure",),
    "api.views": ("Studio", "clips", "compare", "contact_sheet", "gallery", "sheet"),
    "clip.clip": ("Clip",),
    "errors": (
        *("ClipError", "ClipFailed", "ClipNotReady", "ClipUnconfirmed", "ConfigError"),
        *("InvalidRequest", "LumaError", "OverBudget", "WaitTimeout"),
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
_PICKLED = {"ClipList": "clip.clip_list", "restore_clip": "api.kernel"}  # names that pickles have

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
    "adopt",
    "batch",
    "clips",
    "collect",
    "compare",
    "configure",
    "contact_sheet",
    "extend",
    "film",
    "gallery",
    "generate",
    "handin",
    "modify",
    "sheet",
]


if not TYPE_CHECKING:  # a type checker refuses what is not above

    def __getattr__(name: str) -> Any:
        if name == "errors":
            return import_module(f"{__name__}.errors")
        if module := _HOMES.get(name) or _PICKLED.get(name):
            return getattr(import_module(f"{__name__}.{module}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "errors"])


_ATTRIBUTE = "_luma_jupyter"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%load_ext luma_jupyter``."""
    from luma_jupyter.magics.extension import Extension  # IPython is there by now

    extension = Extension(shell)
    extension.load()
    setattr(shell, _ATTRIBUTE, extension)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Called by ``%unload_ext luma_jupyter``; clips under way are still being watched."""
    if extension := getattr(shell, _ATTRIBUTE, None):
        extension.unload()
        delattr(shell, _ATTRIBUTE)
