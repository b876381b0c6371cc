"""A demo service for one test alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.demo.server import DemoService, start


@contextmanager
def own_service(below: Path, **options: Any) -> Iterator[tuple[Path, DemoService]]:
    """A service, and the folder of its files, which is ``below`` that one; ``options`` are those of `start`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(below))
        with closing(start(token="known", **options)) as service:
            yield next(below.glob("luma_jupyter_demo_*")), service
