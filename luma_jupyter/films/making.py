"""Films are planned and made here: files in, one MP4 out.

While it is made, a film has a hidden name beside its own: an error inside PyAV's ``with av.open(…)`` leaves a file that
plays, and is shorter.
"""

from __future__ import annotations

import io
import os
from importlib.util import find_spec
from pathlib import Path

from luma_jupyter.errors import missing_package
from luma_jupyter.films.plan import FilmPlan, Place, Source
from luma_jupyter.films.spec import FilmSpec, Report
from luma_jupyter.operating_system import discard, flush, remove_stale, rename
from luma_jupyter.video.frames import duration, frame_at

__all__ = ["FilmPlan", "Place", "Source", "film_poster", "make_film", "plan_film"]

_POSTER = (640, 640)  # pixels, at most
_SUFFIX = ".luma-film"


def plan_film(spec: FilmSpec) -> FilmPlan:
    """How a film will be made; nothing is written.

    Raises InvalidRequest for parts that cannot be used, ConfigError without the packages that this needs.
    """
    for package, name in (("av", "PyAV"), ("numpy", "numpy"), ("PIL", "Pillow")):
        if find_spec(package) is None:
            raise missing_package(name)
    from luma_jupyter.films.planning import plan  # PyAV is optional

    return plan(spec)


def make_film(plan: FilmPlan, target: Path, report: Report) -> None:
    """Make a film: ``target`` is there when it is whole, and not before; a file of that name is replaced.

    ``report`` is told the share that is done; what it raises ends the making. Raises InvalidRequest for parts that are
    damaged or not any more what they were when the film was planned, OSError where it cannot be written.
    """
    from luma_jupyter.films.writing import write_film  # PyAV is optional

    remove_stale(target.parent, rf"\..+\.[0-9]+\{_SUFFIX}")
    made = target.with_name(f".{target.name}.{os.getpid()}{_SUFFIX}")
    try:
        write_film(plan, made, report)
        with made.open("rb+") as file:
            flush(file)
        rename(made, target)
    except BaseException:
        discard(made)
        raise


def film_poster(film: Path) -> bytes:
    """A picture that stands for a film, as JPEG: what is seen after a second, or half-way where it is shorter."""
    image = frame_at(film, min(1.0, duration(film) / 2))
    image.thumbnail(_POSTER)
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=85)
    return jpeg.getvalue()
