"""Films: the files that one is made of, what makes it, and what making it comes to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from luma_jupyter.domain.pieces import FilmFile, Piece
from luma_jupyter.domain.requests import FilmRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library.film_files import paths_of, save_copy
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.films.making import film_poster, make_film, plan_film
from luma_jupyter.films.plan import FilmPlan
from luma_jupyter.films.spec import FilmPart, FilmSpec, Report
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import reason


@dataclass(frozen=True)
class FilmMaker:
    """What plans and makes films and their posters, as `plan_film`, `make_film` and `film_poster` do."""

    plan: Callable[[FilmSpec], FilmPlan] = plan_film
    make: Callable[[FilmPlan, Path, Report], None] = make_film
    poster: Callable[[Path], bytes] = film_poster


def files_in(request: FilmRequest) -> list[FilmFile]:
    """The files of the user's that go into a film."""
    files = [*(part.source for part in request.parts), request.music, request.voice]
    return [file for file in files if isinstance(file, FilmFile)]


def film_spec(request: FilmRequest, clips: Mapping[str, Task], files: Mapping[FilmFile, Path]) -> FilmSpec:
    """A film of files: ``clips`` are its completed clips by intent, ``files`` tells where those of the user's lie.

    Raises InvalidRequest where the file of a clip is gone.
    """
    return FilmSpec(
        parts=tuple(_part(piece, clips, files) for piece in request.parts),
        fade=request.fade,
        music=files[request.music] if request.music else None,
        voice=files[request.voice] if request.voice else None,
        size=request.size,
        fps=request.fps,
    )


def _part(piece: Piece, clips: Mapping[str, Task], files: Mapping[FilmFile, Path]) -> FilmPart:
    path = files[piece.source] if isinstance(piece.source, FilmFile) else _saved(clips[piece.source], piece)
    facts = {name: getattr(piece, name) for name in FilmPart.__dataclass_fields__ if name not in ("path", "label")}
    return FilmPart(path=path, label=str(piece), **facts)


def _saved(clip: Task, piece: Piece) -> Path:
    if clip.path is None or not clip.path.exists():
        name = piece.source_label
        remedy = clip.file_remedy(name)
        raise InvalidRequest(f"The file of {name} is not here: {remedy}.")
    return clip.path


def check_film(spec: TaskSpec, maker: FilmMaker) -> None:
    """See whether a film can be made of what the user has given, as far as that can be told at once.

    The user's own files are looked at; what services have made was looked at when it was saved, and has to be there.
    Raises InvalidRequest.
    """
    request = spec.request
    assert isinstance(request, FilmRequest)
    for part in request.parts:
        if part.intent and (clip := spec.parts[part.intent].task).status is Status.COMPLETED:
            _saved(clip, part)
    if own := tuple(part for part in request.parts if not part.intent):
        _planned(replace(request, parts=own), {}, maker)


def outline(spec: TaskSpec, maker: FilmMaker) -> FilmPlan:
    """What making a film would come to; nothing is written.

    Raises InvalidRequest where it cannot be made, and where a clip is not done yet.
    """
    request = spec.request
    assert isinstance(request, FilmRequest)
    for part in request.parts:
        handle = spec.parts.get(part.intent or "")
        if handle and handle.task.status is not Status.COMPLETED:
            name = part.source_label
            raise InvalidRequest(
                f"A dry run looks into the files, and {name} is {handle.task.status}: `{name}.wait()` waits for it."
            )
    return _planned(request, {intent: handle.task for intent, handle in spec.parts.items()}, maker)


def _planned(request: FilmRequest, clips: Mapping[str, Task], maker: FilmMaker) -> FilmPlan:
    with TemporaryDirectory(prefix="luma_jupyter_") as folder:
        return maker.plan(film_spec(request, clips, paths_of(files_in(request), Path(folder) / "film")))


def making_text(plan: FilmPlan) -> str:
    """How a film's video is made, and why."""
    reason, what = plan.encoded, plan.shortened
    if not reason:
        return N_("video copied")
    return N_(f"video encoded again {reason}; {what}" if what else f"video encoded again {reason}")


def save_copies(film: Path, copies: Iterable[Path]) -> None:
    """Save a film as the other files, too, that it was asked for as. Raises InvalidRequest."""
    for copy in sorted(copies):
        try:
            save_copy(film, copy)
        except OSError as error:
            raise InvalidRequest(f"The film could not be saved as {str(copy)!r} ({reason(error)}).") from None


def captions_of(plan: FilmPlan) -> str:
    """A film's captions as WebVTT; empty where it has none."""
    if not plan.cues:
        return ""
    from luma_jupyter.films.captions import vtt  # PyAV is optional

    return vtt(plan.cues)
