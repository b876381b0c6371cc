"""`film`: shots, files and pictures become one film, here and for nothing."""

from __future__ import annotations

from os import PathLike
from typing import Any, Literal, overload

from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.film_parts import read_film
from luma_jupyter.domain.values import read_flag
from luma_jupyter.views.film_outline import FilmOutline


@overload
def film(
    parts: Any,
    *,
    fade: float = 0.0,
    titles: Any = None,
    captions: Any = None,
    music: str | PathLike[str] | None = None,
    voice: str | PathLike[str] | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    out: str | PathLike[str] | None = None,
    dry_run: Literal[False] = False,
    again: bool = False,
) -> Clip: ...


@overload
def film(
    parts: Any,
    *,
    fade: float = 0.0,
    titles: Any = None,
    captions: Any = None,
    music: str | PathLike[str] | None = None,
    voice: str | PathLike[str] | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    out: str | PathLike[str] | None = None,
    dry_run: Literal[True],
    again: bool = False,
) -> FilmOutline: ...


def film(
    parts: Any,
    *,
    fade: float = 0.0,
    titles: Any = None,
    captions: Any = None,
    music: str | PathLike[str] | None = None,
    voice: str | PathLike[str] | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    out: str | PathLike[str] | None = None,
    dry_run: bool = False,
    again: bool = False,
) -> Clip | FilmOutline:
    """Join shots to a film, on this computer and free; returns its clip at once, queued until all parts are done.

    ``parts`` are clips, parts of clips (``storm[1:4.5]``), lists of these, paths of videos and pictures, PIL images, or
    a picture with its seconds: ``(image, 5)``; a picture stands for 3 s. ``fade`` is how many seconds each transition
    takes. ``titles`` is a text over the beginning, or a list with one for each part; ``captions`` a list with one for
    each part, None where there is none. ``music`` lies under all of it, ``voice`` over that: the paths of sound files.
    ``size`` is (width, height) in pixels, ``fps`` frames per second: else they are those of the first video. ``out`` is
    an MP4 file as which it is saved, too. ``dry_run`` only tells what the film would come to. A film that was made of
    the same before is that one, unless ``again``. Raises InvalidRequest or ConfigError; then nothing was made.
    """
    spec = read_film(
        parts,
        kernel.session.find_name,
        titles=titles,
        captions=captions,
        music=music,
        voice=voice,
        out=out,
        again=again,
        fade=fade,
        size=size,
        fps=fps,
    )
    if read_flag("dry_run", dry_run):
        return FilmOutline(kernel.session.engine.outline(spec))
    return kernel.session.create(spec)
