"""Handing in: a notebook, the videos that it shows, and a page that plays anywhere, as one zip; and nothing else."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from luma_jupyter.domain.identifiers import KEY_PREFIX
from luma_jupyter.domain.note import Note
from luma_jupyter.engine.library.slugs import plain_file_name
from luma_jupyter.engine.library.whole_files import replacing
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.handed_in.archive import DAMAGE
from luma_jupyter.handed_in.masking import Maker, mask_notebook, told_masked
from luma_jupyter.handed_in.notebook import Cell, cells_of, read_notebook
from luma_jupyter.handed_in.page import PlacedVideo, make_page
from luma_jupyter.handed_in.shown import Library, videos_of
from luma_jupyter.handed_in.video import SavedVideo, sidecar_text
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext
from luma_jupyter.operating_system import plain_form, reason
from luma_jupyter.printable import whole, writable
from luma_jupyter.views.places import path_from
from luma_jupyter.views.text import file_size

MOST_VIDEOS = 300
MOST_BYTES = 2_000_000_000  # of all videos
MOST_NAMED = 5  # files in a line
MARK = b"luma_jupyter hand-in"  # the comment of our zips: only these are replaced
_READABLE = 0o644  # the permissions of an unpacked file
_OTHER_FOLDER = "luma_videos"  # in the zip, of videos that are not below the notebook's folder


@dataclass(frozen=True)
class HandIn:
    """What was handed in: the zip at ``path``, how many ``videos`` it has, and what there is to know, a line each.

    ``saved_at`` is when the notebook was saved, in Unix seconds; ``warnings`` say what came after that.
    """

    path: Path
    videos: int
    told: Sequence[str]
    saved_at: float
    warnings: Sequence[str] = ()

    def __repr__(self) -> str:
        text = ngettext(
            "{file} ({size}): the notebook as it was saved ({time}), its page and {count} video.",
            "{file} ({size}): the notebook as it was saved ({time}), its page and {count} videos.",
            self.videos,
        )
        size = file_size(self.path.stat().st_size) if self.path.exists() else _("gone")
        made = text.format(file=self.path.name, size=size, time=_moment(self.saved_at), count=self.videos)
        return writable("\n".join([*self.warnings, made, *self.told]))


@dataclass(frozen=True)
class LastChanges:
    """When the newest ``clip`` of a notebook's folder was done, and when a ``cell`` was last run.

    In Unix seconds, 0 where there is none.
    """

    clip: float = 0.0
    cell: float = 0.0


def hand_in(notebook: Path, target: Path, library: Library, maker: Maker, changes: LastChanges) -> HandIn:
    """Make the zip of a notebook's file; the file itself stays as it is.

    Where ``changes`` came after it was saved, a warning says so. Raises InvalidRequest, also where a key could not be
    taken out or a video went away meanwhile; then there is no zip.
    """
    content, saved_at = read_notebook(notebook)
    masked = mask_notebook(content, maker)
    if masked.hidden:
        place = ", ".join(masked.hidden)
        raise InvalidRequest(
            f"A key is inside a picture or file, where it cannot be masked ({place}): take it out of there, save the "
            "notebook, and hand it in again. No zip was made."
        )
    replaced = _check_target(target)
    try:
        videos, missing = _videos(cells_of(content), library)
        placed, masked_places = _placed(videos, library.folder, maker)
        page = make_page(notebook.stem, cells_of(masked.content), placed)
    except OSError as error:
        raise InvalidRequest(
            f"A video of the notebook cannot be read ({reason(error)}): hand it in again. No zip was made."
        ) from None
    told = [*masked.told, *missing, *replaced]
    files = list({one.place: one for shown_there in placed for one in shown_there}.values())
    texts = {
        whole(notebook.name): json.dumps(masked.content, ensure_ascii=False, indent=1) + "\n",
        f"{whole(notebook.stem)}.html": page.html,
        **{place: text for one in files for place, text in _texts_beside(one, maker)},
    }
    for name, text in texts.items():
        if maker.leaks(text):
            raise InvalidRequest(
                f"A key is in {shown(name)} where it cannot be masked, such as inside a video: leave that out of the "
                "notebook, save it, and hand it in again. No zip was made."
            )
    _write(target, texts, files)
    if page.beside:
        told.append(_("Too large for the page, so beside it: {files}.").format(files=_listed(page.beside)))
    return HandIn(target, len(files), [*told, *masked_places], saved_at, _unsaved(notebook.name, saved_at, changes))


def _unsaved(name: str, saved_at: float, changes: LastChanges) -> list[str]:
    """What was not saved, as a line of warning."""
    if changes.cell > saved_at:
        text = _("Save first (Ctrl+S) and hand in again: you ran cells after the notebook was saved ({time}).")
        return [text.format(time=_moment(saved_at))]
    if changes.clip > saved_at:
        return [_("Save first (Ctrl+S) and hand in again: {file} is older than your newest clip.").format(file=name)]
    return []


def _moment(seconds: float) -> str:
    """A time of today, or of another day."""
    then = time.localtime(seconds)
    is_today = then[:3] == time.localtime()[:3]
    return time.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M", then)


def _check_target(target: Path) -> list[str]:
    """Refuse to replace what is no hand-in; the line on one that is replaced."""
    if not target.exists():
        return []
    try:
        with zipfile.ZipFile(target) as earlier:
            ours = earlier.comment == MARK
    except (OSError, *DAMAGE):
        ours = False
    if not ours:
        raise InvalidRequest(f"{target.name} is there, and was not made by handing in: choose another name with -o.")
    text = _("It takes the place of the {file} from {time}.")
    return [text.format(file=target.name, time=_moment(target.stat().st_mtime))]


def _videos(cells: Sequence[Cell], library: Library) -> tuple[list[list[SavedVideo]], list[str]]:
    """The videos of each cell; and a line on those that cannot be handed in."""
    known: dict[Path, SavedVideo | None] = {}
    of_cells: list[list[SavedVideo]] = []
    missing: list[str] = []
    for cell in cells:
        files, gone = videos_of(cell, library)
        missing += gone
        for file in files:
            if file not in known:
                known[file] = _noted(SavedVideo.read(file), library)
        of_cells.append([video for file in files if (video := known[file])])
    there = [video for video in known.values() if video]
    if len(there) > MOST_VIDEOS or sum(video.size for video in there) > MOST_BYTES:
        size, most = file_size(sum(video.size for video in there)), file_size(MOST_BYTES)
        raise InvalidRequest(
            f"The notebook's videos are too many or too large ({len(there)}, {size}): at most {MOST_VIDEOS} ({most}) "
            "can be handed in. Show fewer, save it, and hand in again."
        )
    damaged = [file.name for file, video in known.items() if video is None]
    lines = (
        (_("Left out (not there any more): {files}."), missing),
        (_("Left out (the video is damaged, or the .json beside it): {files}."), damaged),
    )
    return of_cells, [line.format(files=_listed(names)) for line, names in lines if names]


def _listed(names: Sequence[str]) -> str:
    """Names, each once; of many the first ones."""
    once = list(dict.fromkeys(names))
    names = ", ".join(once[:MOST_NAMED])
    more = len(once) - MOST_NAMED
    return _("{files} and {count} more").format(files=names, count=more) if more > 0 else names


def _placed(
    of_cells: Sequence[Sequence[SavedVideo]], folder: Path, maker: Maker
) -> tuple[list[list[PlacedVideo]], list[str]]:
    """The videos without what is the maker's alone, each at a place of its own in the zip; and what was masked."""
    places: dict[Path, PlacedVideo] = {}
    taken: set[str] = set()
    told: list[str] = []
    for video in dict.fromkeys(video.file for videos in of_cells for video in videos):
        one = next(one for videos in of_cells for one in videos if one.file == video)
        public, found = _masked(one, maker)
        told += [told_masked(what, _("in what is kept of {file}").format(file=video.name)) for what in found]
        place = _place(video, folder, taken)
        taken.add(plain_form(place))
        places[video] = PlacedVideo(public, place)
    return [[places[video.file] for video in videos] for videos in of_cells], told


def _place(video: Path, folder: Path, taken: set[str]) -> str:
    """Where a video lies in the zip: as beside the notebook, so that its outputs play."""
    parts = Path(whole(path_from(folder, video) or "..")).parts
    if any(part.startswith(".") for part in parts) or Path(*parts).is_absolute():
        parts = (_OTHER_FOLDER, whole(video.name))
    *folders, name = parts
    stem, number = Path(name).stem, 1
    while plain_form("/".join([*folders, name])) in taken:
        number += 1
        name = f"{stem}-{number}.mp4"
    return "/".join([*folders, name])


def _noted(video: SavedVideo | None, library: Library) -> SavedVideo | None:
    """A video with its note, which may not be in its sidecar but in the journal."""
    return replace(video, note=library.note_of(video.task)) if video and video.task else video


def _masked(video: SavedVideo, maker: Maker) -> tuple[SavedVideo, list[str]]:
    """A video whose words are without keys and folders.

    Raises InvalidRequest where they are in what was asked for: changed, it would not be that request any more.
    """
    captions, found = maker.mask(video.captions)
    note, also = maker.mask(video.note.text)
    masked = SavedVideo(video.file, video.task, video.size, Note(video.note.starred, note), captions)
    if video.task is None:
        return masked, list(dict.fromkeys([*found, *also]))
    texts = {name: maker.mask(getattr(video.task, name) or "") for name in ("source_label", "name", "problem")}
    changes = {name: text for name, (text, changed) in texts.items() if changed}
    task = video.task.evolve(**changes)
    masked = SavedVideo(video.file, task, video.size, masked.note, captions)
    text, left = maker.mask(sidecar_text(masked.sidecar))
    if left or maker.hides_key(text):
        clip = f"{KEY_PREFIX}{task.key}"
        raise InvalidRequest(
            f"The prompt or an option of {clip} has a key or a folder of yours in it, which cannot be "
            "masked: leave that clip out of the notebook, or make it again without. No zip was made."
        )
    return masked, list(dict.fromkeys([*found, *also, *(what for _, changed in texts.values() for what in changed)]))


def _texts_beside(placed: PlacedVideo, maker: Maker) -> Iterator[tuple[str, str]]:
    """The sidecar and the captions of a video, by their places."""
    stem = placed.place.rpartition(".")[0]
    if placed.video.task:
        data: Mapping[str, Any] = placed.video.sidecar
        yield f"{stem}.json", sidecar_text(data)
    if placed.video.captions:
        yield f"{stem}.vtt", placed.video.captions


def _write(target: Path, texts: Mapping[str, str], videos: Sequence[PlacedVideo]) -> None:
    """Write the zip as a whole, or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file, zipfile.ZipFile(file, "w", strict_timestamps=False) as made:
            made.comment = MARK
            for name, text in texts.items():
                info = zipfile.ZipInfo(name, time.localtime()[:6])
                info.external_attr = _READABLE << 16
                made.writestr(info, text.encode(), zipfile.ZIP_DEFLATED)
            for one in videos:
                made.write(one.video.file, one.place, zipfile.ZIP_STORED)
                picture = one.video.file.with_suffix(".jpg")
                if picture.is_file():
                    made.write(picture, f"{one.place.rpartition('.')[0]}.jpg", zipfile.ZIP_STORED)
    except OSError as error:
        raise InvalidRequest(f"It cannot be saved as {shown(str(target))} ({reason(error)}).") from None


def target_for(notebook: Path, out: Path | None, *, is_folder: bool = False) -> Path:
    """Where the zip of a notebook goes: beside it, into a folder, or to a file. Raises InvalidRequest."""
    name = f"{plain_file_name(notebook.stem, 80)}.zip"
    if out is None:
        return notebook.with_name(name)
    if is_folder or out.is_dir():
        return out / name
    if out.suffix.lower() != ".zip":
        raise InvalidRequest(f"A zip is handed in, so the name ends in .zip: {shown(out.name)} does not.")
    return out
