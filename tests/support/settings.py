"""The settings of the test that runs: those of the kernel, which begins anew for each test."""

from __future__ import annotations

from luma_jupyter.api.kernel import kernel
from luma_jupyter.settings import Settings


def configure(**changes: object) -> None:
    """Change settings for the rest of the test."""
    kernel.configuration.configure(**changes)


def current() -> Settings:
    """The settings as they are now."""
    return kernel.configuration.current()
