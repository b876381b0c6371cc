"""A Chinese catalogue with as many messages as a test needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from luma_jupyter import languages


@contextmanager
def small_catalogue(folder: Path, messages: Mapping[Any, Any]) -> Iterator[None]:
    """Have these translations, and no others, while the block lasts; pairs are plurals. ``folder`` takes the file."""
    catalog = Catalog(locale="zh")
    for message, text in messages.items():
        catalog.add(message, text)
    path = folder / "zh" / "LC_MESSAGES" / "luma_jupyter.mo"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_mo(file, catalog)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(languages, "_FOLDER", folder)
        _forget()
        yield
    _forget()


def _forget() -> None:
    for known in (languages._catalogue, languages._find):
        known.cache_clear()
