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
# The same with films of a quarter of a second, where nobody watches them: most of a program is its imports then.
SHORTEST_FILMS = SHORT_FILMS.replace("1.0", "0.25")
# Films of this many seconds, with so few frames a second, where nobody watches them.
CHEAP_FILMS = """import fractions
import luma_jupyter.demo.film as demo_film
import luma_jupyter.demo.server as demo_server
demo_film.FRAME_RATE = fractions.Fraction({rate})
demo_server.start.__defaults__ = (*demo_server.start.__defaults__[:-1], {seconds})
"""
# Its tasks take a tenth of the seconds that a notebook sets.
QUICK_TASKS = """import luma_jupyter.demo.jobs as demo_jobs
demo_jobs._duration_factor = lambda request: 0.1
"""


def run_first(ipython: Path, code: str) -> None:
    """Have the kernels with this folder of IPython's run code before anything else."""
    startup = ipython / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "first.py").write_text(code, encoding="utf-8")


def make_films_short(ipython: Path) -> None:
    """Have the kernels with this folder of IPython's make short films."""
    run_first(ipython, SHORT_FILMS)


@contextmanager
def own_service(below: Path, **options: Any) -> Iterator[tuple[Path, DemoService]]:
    """A service, and the folder of its files, which is ``below`` that one; ``options`` are those of `start`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(below))
        with closing(start(token="known", **options)) as service:
            yield next(below.glob("luma_jupyter_demo_*")), service
