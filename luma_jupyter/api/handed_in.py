"""`handin` and `collect`: a lesson becomes one zip, and a class's zips become a gallery by student."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipSequence
from luma_jupyter.clip.session import Session
from luma_jupyter.display.environment import session_notebook
from luma_jupyter.domain.identifiers import normalize_name
from luma_jupyter.domain.secret import BaseUrl, Secret
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.values import read_path
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.wanted import Wanted
from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.handed_in.masking import KEY_VARIABLES, Maker
from luma_jupyter.handed_in.packing import HandIn, LastChanges, hand_in, target_for
from luma_jupyter.handed_in.shown import Library
from luma_jupyter.handed_in.submission import collect_all
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import is_same_folder, names_folder
from luma_jupyter.settings import Settings, variable
from luma_jupyter.widgets.collection import Collection


def handin(notebook: str | PathLike[str] | None = None, out: str | PathLike[str] | None = None) -> HandIn:
    """Make one zip of a saved notebook, the videos that it shows, and a page that plays them anywhere.

    Without ``notebook``, the one that this kernel belongs to, where Jupyter tells it. ``out`` is the zip, or a folder
    for it; without it, it lies beside the notebook. Keys, and folders that name you,
    are masked in the copy and told; the notebook itself stays as it is. Raises InvalidRequest where a key cannot be
    masked, and where the notebook, a video or the zip cannot be read or written; then there is no zip.
    """
    session = kernel.session
    settings = session.settings()
    own = session_notebook(settings.folder)
    file = own if notebook is None else settings.folder / read_path(N_("The notebook"), notebook)
    if file is None:
        raise InvalidRequest(
            "Jupyter does not say what this notebook is called, as after a new name: say it, such as "
            "%luma handin lesson3.ipynb."
        )
    is_others = own is not None and own.resolve() != file.resolve()
    target = None if out is None else settings.folder / read_path(N_("The zip"), out)
    is_folder = out is not None and names_folder(os.fspath(out))
    return hand_in(
        file,
        target_for(file, target, is_folder=is_folder),
        _library(file.parent, session, settings),
        _maker(file.parent, settings),
        LastChanges(_newest(file.parent, session), 0.0 if is_others else kernel.last_run),
    )


def collect(folder: str | PathLike[str]) -> Collection:
    """The zips of a folder that students have handed in, as a gallery by student and as a table.

    Each is unpacked below the folder, in ``collected``; what you change there stays, and does not count. One that is
    damaged, or could do harm, is refused in one line and the others are shown. ``collection["ann"]`` is one student's,
    ``dataframe()`` and ``to_csv(path)`` give the table of clips, ``students()`` and ``to_csv(path, by="student")``
    that of students, with their answers. A zip in a folder of its own is called by that. Raises InvalidRequest where
    there is no such folder, or it cannot be read.
    """
    settings = kernel.session.settings()
    collected = collect_all(settings.folder / read_path("folder", folder))
    environment = kernel.presenter.environment
    return Collection(collected, lambda place: environment.host(folder=place), settings.folder)


def _library(folder: Path, session: Session, settings: Settings) -> Library:
    """Where a notebook's videos are, and which ones keys and names stand for."""
    here = is_same_folder(folder.resolve(), settings.folder.resolve())

    def by_key(key: str) -> Path | None:
        return next(_files(_past(session, Wanted(by="key", values=[key]), folder)), None)

    def by_name(name: str, source: str) -> list[Path]:
        bound = session.variables().get(normalize_name(name)) if here else None
        if isinstance(bound, Clip | ClipSequence):
            clips = [bound] if isinstance(bound, Clip) else bound
            return list(_files(clip.task for clip in clips if _may_be_made_by(clip.task, source)))
        named = _past(session, Wanted(by="name", values=[normalize_name(name)]), folder)
        return list(_files(task for task in named if _asks_for(source, task.request.prompt)))[-1:]

    return Library(
        folder, settings.media_folder if here else folder / settings.media, by_key, by_name, session.engine.notes.of
    )


def _may_be_made_by(task: Task, source: str) -> bool:
    """Whether a cell may have made what its name holds now: another notebook's cell may have taken the name."""
    tells = source.lstrip().startswith("%%luma") and "{{" not in source and task.request.action != "film"
    return not tells or _asks_for(source, task.request.prompt)


def _asks_for(source: str, prompt: str) -> bool:
    """Whether a prompt is a cell's body, or stands in quotes in its code."""
    line, _, body = source.lstrip().partition("\n")
    if line.startswith("%%"):
        return body.split() == prompt.split()
    return any(f"{quote}{prompt}{quote}" in source for quote in "\"'")


def _past(session: Session, wanted: Wanted, folder: Path) -> Iterator[Task]:
    """The tasks of a notebook's folder; none where the journal cannot be read."""
    try:
        yield from session.engine.repository.history(wanted, folder=folder)
    except ConfigError:  # the addresses in the notebook are enough for nearly all
        return


def _files(tasks: Iterator[Task]) -> Iterator[Path]:
    return (task.path for task in tasks if task.status is Status.COMPLETED and task.path and task.path.is_file())


def _newest(folder: Path, session: Session) -> float:
    """When the newest clip of a notebook's folder was done, in Unix seconds; 0 where there is none."""
    past = _past(session, Wanted(statuses=[Status.COMPLETED], newest=1), folder)
    return max((task.ended_at or 0.0 for task in past), default=0.0)


def _maker(folder: Path, settings: Settings) -> Maker:
    """Who hands in: all keys that this kernel knows, and what names its user in paths."""
    home = Path(os.path.expanduser("~"))
    folders = dict.fromkeys([folder, folder.resolve(), settings.folder])
    names = dict.fromkeys([home.name, _user_name(), os.environ.get("JUPYTERHUB_USER", "")])
    return Maker(dict(_keys(settings)), home, [name for name in names if len(name) > 1], list(folders))


def _keys(settings: Settings) -> Iterator[tuple[str, str]]:
    known = {value.reveal() for value in vars(settings).values() if isinstance(value, Secret)}
    for name, value in vars(settings).items():
        if isinstance(value, Secret):
            yield variable(name), value.reveal()
        elif isinstance(value, BaseUrl) and value.login:
            yield N_(f"the login in {variable(name)}"), value.login.reveal()
    for name in KEY_VARIABLES:  # also those of which something else takes the place
        if (key := os.environ.get(name, "").strip()) and key not in known:
            yield N_(f"{name} in the environment"), key


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without one
        return ""
