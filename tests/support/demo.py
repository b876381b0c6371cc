"""A demo service for one test alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.demo.server import DemoService, start

# In a kernel: its demo service makes films of a second, for to render longer ones is most of what it would do.
SHORT_FILMS = """import luma_jupyter.demo.server as demo_server
demo_server.start.__defaults__ = (*demo_server.start.__defaults__[:-1], 1.0)
"""


def make_films_short(ipython: Path) -> None:
    """Have the kernels with this folder of IPython's make short films."""
    startup = ipython / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "short_films.py").write_text(SHORT_FILMS, encoding="utf-8")


@contextmanager
def own_service(below: Path, **options: Any) -> Iterator[tuple[Path, DemoService]]:
    """A service, and the folder of its files, which is ``below`` that one; ``options`` are those of `start`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(below))
        with closing(start(token="known", **options)) as service:
            yield next(below.glob("luma_jupyter_demo_*")), service
