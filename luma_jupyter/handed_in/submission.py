"""What students have handed in: the zips of a folder, unpacked beside each other, each read as anybody's."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luma_jupyter.domain.media import image_type
from luma_jupyter.engine.library.slugs import plain_file_name, slug
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.handed_in.answers import Answers, answers_in
from luma_jupyter.handed_in.archive import BROKEN, Refused, unpack, why_unwritable
from luma_jupyter.handed_in.notebook import parse_notebook
from luma_jupyter.handed_in.video import SavedVideo
from luma_jupyter.languages import N_
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

    What was unpacked before is not unpacked again. Raises InvalidRequest where there is no such folder, or too many.
    """
    if not folder.is_dir():
        raise InvalidRequest(f"There is no folder {shown(str(folder))}.")
    zips = _files(folder, ".zip")
    if len(zips) > MOST_ZIPS:
        raise InvalidRequest(
            f"There are {len(zips):,} zips in {shown(str(folder))}: collect at most {MOST_ZIPS:,} at once."
        )
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
            found.append(_read(file, student, _unpacked(file, folder), time.time() if now is None else now))
        except Refused as error:
            refuse(file, student, str(error))
        except OSError as error:
            refuse(file, student, why_unwritable(error))
    for file in _alone(folder, zips):
        refuse(file, _student(file, folder, set()), ALONE)
    nameless = any(one.zip.parent == folder and _is_named_as_lesson(one) for one in found)
    return Collected(found, [*lines, *_doubtful(found)], refused, NAMELESS if nameless else "")


def _files(folder: Path, suffix: str) -> list[Path]:
    below = [one for one in folder.iterdir() if one.is_dir() and one.name != UNPACKED and not one.name.startswith(".")]
    files = [file for place in (folder, *below) for file in place.iterdir() if file.suffix.lower() == suffix]
    return sorted(file for file in files if not file.name.startswith("."))


def _alone(folder: Path, zips: Sequence[Path]) -> list[Path]:
    """The notebooks that lie there without a zip: of the same name, or in the same student's folder."""
    there = {file.with_suffix("") if file.parent == folder else file.parent for file in zips}
    notebooks = _files(folder, ".ipynb")[:MOST_ZIPS]
    return [file for file in notebooks if not {file.with_suffix(""), file.parent} & there]


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


def _unpacked(file: Path, folder: Path) -> Path:
    """Where a zip is unpacked, by its content: done once. Raises Refused and OSError."""
    if not file.is_file():
        raise Refused(BROKEN)
    with file.open("rb") as opened:
        mark = hashlib.file_digest(opened, "sha256").hexdigest()[:16]
    place = folder / UNPACKED / f"{slug(file.stem)}-{mark}"
    if not place.is_dir():
        unpack(file, place)
    return place


def _read(file: Path, student: str, place: Path, now: float) -> Submission:
    """What is in an unpacked zip. Raises Refused."""
    paths = sorted(path for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    notebooks = [path for path in paths if path.suffix.lower() == ".ipynb"]
    answers = answers_in(map(_content, notebooks))
    videos = [_video(path, now) for path in paths if path.suffix.lower() == ".mp4"]
    if not notebooks and not videos:
        raise Refused(N_("there is neither a notebook nor a video in it"))
    intents = [video.task.intent for video in videos if video.task]
    if len(set(intents)) < len(intents):
        raise Refused(N_("two of its videos say that they are the same clip"))
    for path in paths:
        if path.suffix.lower() == ".jpg" and not _is_picture(path):
            raise Refused(N_(f"{shown(path.name)} in it is not a picture"))
    return Submission(student, file, place, notebooks, sorted(videos, key=_made), answers)


def _content(notebook: Path) -> dict[str, Any]:
    if (content := parse_notebook(notebook.read_bytes())) is None:
        raise Refused(N_(f"{shown(notebook.name)} in it is not a notebook that Jupyter can open"))
    return content


def _made(video: SavedVideo) -> tuple[float, str]:
    return (video.task.created_at if video.task else 0.0, video.file.name)


def _video(path: Path, now: float) -> SavedVideo:
    video = SavedVideo.read(path)
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


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return image_type(file.read(12)) is not None


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
