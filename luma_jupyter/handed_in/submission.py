"""What students have handed in: the zips of a folder, unpacked beside each other, each read as anybody's.

What counts is in the zips. Where they are unpacked is the teacher's place, to look at, to run and to write into.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from luma_jupyter.domain.media import image_type
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.slugs import plain_file_name, slug
from luma_jupyter.engine.library.whole_files import size_of
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.handed_in.answers import Answers, answers_in
from luma_jupyter.handed_in.archive import BROKEN, PART, Archive, Refused, unpack, why_unwritable
from luma_jupyter.handed_in.notebook import parse_notebook
from luma_jupyter.handed_in.video import SavedVideo
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import reason, remove_stale
from luma_jupyter.printable import printable

UNPACKED = "collected"  # in the folder of the zips: a page plays what is in it, so it is not hidden
MOST_ZIPS = 1_000
MOST_COST = 100.0  # USD that a clip may say it has cost: more was forged
MOST_PIXELS = 20_000  # of a side, likewise
NAMELESS = N_("Some zips have no student's name: ask for `%luma handin … -o NAME.zip`.")
ALONE = N_("it is a notebook alone; ask for the zip of `%luma handin … -o NAME.zip`")
_DAY = 24 * 3600.0


@dataclass(frozen=True)
class Submission:
    """What a student has handed in: the ``zip``, unpacked in ``folder``; its notebooks, its videos, the oldest first,
    and what was answered in the notebooks."""

    student: str
    zip: Path
    folder: Path
    notebooks: Sequence[Path]
    videos: Sequence[SavedVideo]
    answers: Answers

    @property
    def clips(self) -> list[SavedVideo]:
        """The videos of which a sidecar tells where they come from."""
        return [video for video in self.videos if video.task]

    @property
    def cost(self) -> float:
        """What its clips say they have cost, in USD, as far as they say it."""
        return sum(video.task.charge(None) or 0.0 for video in self.videos if video.task)

    @property
    def unpriced(self) -> int:
        """How many of its clips do not say what they have cost."""
        return sum(video.task.charge(None) is None for video in self.videos if video.task)


@dataclass(frozen=True)
class Collected:
    """The submissions of a folder by student, and a line for each file that was refused, or that is doubtful.

    ``refused`` has the lines on what was refused by student; ``advice`` is what to ask the class for, if anything. All
    words are English, to be translated where they are shown.
    """

    submissions: Sequence[Submission]
    lines: Sequence[str]
    refused: Mapping[str, str] = field(default_factory=dict)
    advice: str = ""


def collect_all(folder: Path, now: float | None = None) -> Collected:
    """Unpack and read all zips of a folder, and of the folders in it; ``now`` in Unix seconds.

    What was unpacked before is not unpacked again. Raises InvalidRequest where there is no such folder, it cannot be
    read, or there are too many.
    """
    files, unread = _files(folder)
    zips = _of_kind(files, ".zip")
    if len(zips) > MOST_ZIPS:
        raise InvalidRequest(
            f"There are {len(zips):,} zips in {shown(str(folder))}: collect at most {MOST_ZIPS:,} at once."
        )
    remove_stale(folder / UNPACKED, f"{re.escape(PART)}.*")
    found: list[Submission] = []
    lines: list[str] = []
    refused: dict[str, str] = {}

    def refuse(file: Path, student: str, reason: str) -> None:
        name = _name(file, folder)
        lines.append(N_(f"{name} is refused: {reason}."))
        refused.setdefault(student, lines[-1])

    for file in zips:
        student = _student(file, folder, {one.student for one in found})
        try:
            found.append(_submission(file, student, folder, time.time() if now is None else now))
        except Refused as error:
            refuse(file, student, str(error))
        except OSError as error:
            refuse(file, student, why_unwritable(error))
    for file in _alone(folder, zips, _of_kind(files, ".ipynb")):
        refuse(file, _student(file, folder, set()), ALONE)
    for place, why in unread:
        refuse(place, printable(place.name), why)
    nameless = any(one.zip.parent == folder and _is_named_as_lesson(one) for one in found)
    return Collected(found, [*lines, *_doubtful(found)], refused, NAMELESS if nameless else "")


def _files(folder: Path) -> tuple[list[Path], list[tuple[Path, str]]]:
    """What lies in a folder and in the folders in it; and those of them that cannot be read, and why, in English words.

    Raises InvalidRequest where the folder itself is not there, or cannot be read.
    """
    try:
        files = _visible(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidRequest(f"There is no folder {shown(str(folder))}.") from None
    except OSError as error:
        name = shown(str(folder))
        raise InvalidRequest(f"{name} cannot be read ({reason(error)}).") from None
    unread = []
    for place in sorted(files):
        try:
            files += _visible(place) if place.is_dir() and place.name != UNPACKED else []
        except OSError as error:
            unread.append((place, N_(f"it cannot be read ({reason(error)})")))
    return sorted(files), unread


def _visible(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if not one.name.startswith(".")]


def _of_kind(files: Sequence[Path], suffix: str) -> list[Path]:
    return [file for file in files if file.suffix.lower() == suffix]


def _alone(folder: Path, zips: Sequence[Path], notebooks: Sequence[Path]) -> list[Path]:
    """The notebooks that lie there without a zip: of the same name, or in the same student's folder."""
    there = {file.with_suffix("") if file.parent == folder else file.parent for file in zips}
    return [file for file in notebooks[:MOST_ZIPS] if not {file.with_suffix(""), file.parent} & there]


def _is_named_as_lesson(submission: Submission) -> bool:
    """Whether a zip is called as a notebook in it, as `handin` does where no other name is asked for; browsers put a
    number behind."""
    notebooks = {plain_file_name(notebook.stem, 80).casefold() for notebook in submission.notebooks}
    name = submission.zip.stem.casefold()
    return not notebooks.isdisjoint({name, re.sub(r" ?\(\d+\)$", "", name)})


def _name(file: Path, folder: Path) -> str:
    return printable(file.relative_to(folder).as_posix())


def _student(file: Path, folder: Path, taken: set[str]) -> str:
    """Whose a zip is: the name of the folder that it is in, as learning platforms make them, else its own."""
    name = printable(file.parent.name if file.parent != folder else file.stem)
    student, number = name, 1
    while student in taken:
        number += 1
        student = f"{name} ({number})"
    return student


def _submission(file: Path, student: str, folder: Path, now: float) -> Submission:
    """A zip that is read, and unpacked once: where, goes by its content. Raises Refused and OSError."""
    if not file.is_file():
        raise Refused(BROKEN)
    with file.open("rb") as opened:
        mark = hashlib.file_digest(opened, "sha256").hexdigest()[:16]
        archive, place = Archive(opened), folder / UNPACKED / f"{slug(file.stem)}-{mark}"
        if not place.is_dir():
            unpack(file, place)
        return _read(archive, file, student, place, now)


def _read(archive: Archive, file: Path, student: str, place: Path, now: float) -> Submission:
    """What is in a zip, whatever has become of it at the ``place`` where it is unpacked. Raises Refused and OSError."""
    paths = sorted(archive.files)
    notebooks = [path for path in paths if path.suffix.lower() == ".ipynb"]
    answers = answers_in(_content(archive, path) for path in notebooks)
    videos = [_video(archive, path, place, now) for path in paths if path.suffix.lower() == ".mp4"]
    if not notebooks and not videos:
        raise Refused(N_("there is neither a notebook nor a video in it"))
    intents = [video.task.intent for video in videos if video.task]
    if len(set(intents)) < len(intents):
        raise Refused(N_("two of its videos say that they are the same clip"))
    for path in paths:
        if path.suffix.lower() == ".jpg" and image_type(archive.read(path)[:12]) is None:
            raise Refused(N_(f"{shown(path.name)} in it is not a picture"))
    return Submission(student, file, place, [place / path for path in notebooks], sorted(videos, key=_made), answers)


def _content(archive: Archive, notebook: PurePosixPath) -> dict[str, Any]:
    if (content := parse_notebook(archive.read(notebook))) is None:
        raise Refused(N_(f"{shown(notebook.name)} in it is not a notebook that Jupyter can open"))
    return content


def _made(video: SavedVideo) -> tuple[float, str]:
    return (video.task.created_at if video.task else 0.0, video.file.name)


def _video(archive: Archive, path: PurePosixPath, place: Path, now: float) -> SavedVideo:
    file, size = place / path, archive.files[path].file_size
    sidecar, captions = (_beside(archive, path, suffix) for suffix in (".json", ".vtt"))
    video = SavedVideo.of(file, size, sidecar, captions or b"") if _is_whole(file, size) else None
    if video is None:
        raise Refused(
            N_(f"{shown(path.name)} in it is not a whole video, or the .json beside it is damaged or was changed")
        )
    if (task := video.task) and task.video:
        sides = (task.video.width or 0, task.video.height or 0)
        times = (task.created_at, task.submitted_at or 0.0, task.ended_at or 0.0)
        amounts = (task.cost or 0.0, task.price or 0.0)
        if max(amounts) > MOST_COST or max(sides) > MOST_PIXELS or max(times) > now + _DAY:
            raise Refused(N_(f"the .json beside {shown(path.name)} in it has numbers that cannot be"))
    return video


def _beside(archive: Archive, video: PurePosixPath, suffix: str) -> bytes | None:
    path = video.with_suffix(suffix)
    return archive.read(path) if path in archive.files else None


def _is_whole(file: Path, size: int) -> bool:
    """Whether a video that came with ``size`` bytes is whole; one that was changed or deleted since does not count."""
    try:
        return size_of(file) != size or sidecars.is_whole(file)
    except OSError:
        return True


def _doubtful(submissions: Sequence[Submission]) -> Iterator[str]:
    """A line for each clip of which two students have different ones: one of the sidecars is forged."""
    first: dict[str, tuple[Submission, SavedVideo]] = {}
    for submission in submissions:
        for video in submission.clips:
            assert video.task
            other, known = first.setdefault(video.task.intent, (submission, video))
            assert known.task
            if known.task.fingerprint != video.task.fingerprint or known.size != video.size:
                one, two, key = printable(submission.zip.name), printable(other.zip.name), video.task.key
                yield N_(
                    f"{one} and {two} have different videos that say they are the same clip ({key}): look at both."
                )
