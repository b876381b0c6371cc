"""`Collection`: what students have handed in, as a gallery by student and as a table."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter.display.embedding import video_src
from luma_jupyter.domain.money import dollars
from luma_jupyter.domain.mp4 import seconds_of
from luma_jupyter.domain.spreadsheets import BOM, csv_line
from luma_jupyter.domain.values import read_path
from luma_jupyter.engine.library.whole_files import replacing
from luma_jupyter.errors import ConfigError, InvalidRequest, NoSuchStudent, shown
from luma_jupyter.handed_in.submission import Collected, Submission
from luma_jupyter.handed_in.video import SavedVideo
from luma_jupyter.languages import N_, ngettext, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.operating_system import reason
from luma_jupyter.printable import say, writable
from luma_jupyter.views.clip_state import relative_url
from luma_jupyter.views.collection import Group, NotedTile, collection_html, submission_html
from luma_jupyter.views.gallery import MOST_TILES, FileTile, Tile
from luma_jupyter.views.host import Host
from luma_jupyter.views.html import MOST_SAVED, saved_size
from luma_jupyter.views.places import path_from
from luma_jupyter.views.text import short, text_table
from luma_jupyter.widgets.posters import embedded_size, file_poster_src

if TYPE_CHECKING:
    from pandas import DataFrame

FIELDS = (
    *("student", "zip", "name", "prompt", "action", "service", "made", "length", "cost", "starred", "note"),
    *("video", "key"),
)
STUDENT_FIELDS = (
    *("student", "notebook", "clips", "starred", "notes", "cost", "right", "questions", "file", "answers"),
)
_COLUMNS = (N_("student"), N_("clips"), N_("cost"), N_("starred"), N_("right"), N_("zip"))
_TILES_EACH = (60, 20, 8, 4, 2, 1)  # of a student, as many of these as fit into what is saved
_LONGEST_NAME = 60
_MOST_NAMED = 10  # students in a message
_LONGEST_CELL = 32_000  # characters; a spreadsheet cuts what is longer than 32,767


class _Drawing:
    """Draws submissions for a page; knows how much room is left for what is embedded."""

    def __init__(self, host: Callable[[Path], Host], folder: Path) -> None:
        self._host = host
        self._folder = folder
        self._room: int | None = None

    @property
    def embeds(self) -> bool:
        """Whether pictures or videos are in what was drawn."""
        return self._room is not None

    def group(self, submission: Submission, most: int) -> Group:
        """A submission, with tiles for up to ``most`` of its videos."""
        clips = len(submission.clips)
        return Group(
            submission.student,
            submission.zip.name,
            clips,
            len(submission.videos) - clips,
            submission.cost,
            submission.unpriced,
            notebooks=[(notebook.name, self._address(notebook)) for notebook in submission.notebooks],
            tiles=[NotedTile(self._tile(video), str(video.note)) for video in submission.videos[:most]],
            answers=str(submission.answers) if submission.answers.questions else "",
        )

    def _address(self, file: Path) -> str | None:
        word = path_from(self._folder, file)
        return relative_url(word) if word and self._host(file.parent).serves else None

    def _tile(self, video: SavedVideo) -> Tile | FileTile:
        host, word = self._host(video.file.parent), path_from(self._folder, video.file)
        data = None
        if host.how == "embed":
            self._room = host.limit if self._room is None else self._room
            poster = self._counted(file_poster_src(video.file, word, host, self._room))
            data = self._counted(video_src(video.file, replace(host, limit=self._room)))
        else:
            poster = file_poster_src(video.file, word, host, 0)
        seconds = seconds_of(video.file)
        if video.task:
            return Tile(video.state(word, data=data, served=host.serves), poster, seconds)
        return FileTile(word or str(video.file), data or self._address(video.file), poster, seconds)

    def _counted(self, src: str | None) -> str | None:
        self._room = (self._room or 0) - embedded_size(src)
        return src


class StudentsWork:
    """What one student has handed in; shown as a gallery. ``clips`` are rows as in `Collection.rows`."""

    def __init__(self, submission: Submission, draw: Callable[[], _Drawing]) -> None:
        self._submission = submission
        self._draw = draw

    @property
    def student(self) -> str:
        """Whose it is."""
        return self._submission.student

    @property
    def zip(self) -> Path:
        """The file that was handed in."""
        return self._submission.zip

    @property
    def folder(self) -> Path:
        """Where it was unpacked."""
        return self._submission.folder

    @property
    def notebooks(self) -> list[Path]:
        """The notebooks in it, unpacked."""
        return list(self._submission.notebooks)

    @property
    def cost(self) -> float:
        """What its clips say they have cost, in USD."""
        return self._submission.cost

    @property
    def clips(self) -> list[dict[str, Any]]:
        """Its videos as plain values, by the names of `FIELDS`."""
        return [_row(self._submission, video) for video in self._submission.videos]

    def __len__(self) -> int:
        return len(self._submission.videos)

    def _luma_kind_(self) -> str:
        return _kind(self.student)

    def __repr__(self) -> str:
        rows = [(short(row["name"] or "-", 40), short(row["prompt"], _LONGEST_NAME), row["note"]) for row in self.clips]
        head = _(": ").join([self.student, self._draw().group(self._submission, 0).facts])
        return writable("\n".join([head, *([text_table(rows)] if rows else [])]))

    def _repr_html_(self) -> str:
        return submission_html(secrets.token_hex(4), self._draw().group(self._submission, MOST_TILES))


class Collection(Mapping[str, StudentsWork]):
    """What students have handed in, by their names; ``refused`` has a line for each zip that was not taken.

    ``host`` gives the host for a folder with videos, ``folder`` is the notebook's.
    """

    def __init__(self, collected: Collected, host: Callable[[Path], Host], folder: Path) -> None:
        self._submissions = collected.submissions
        self._draw = partial(_Drawing, host, folder)
        self._works = {one.student: StudentsWork(one, self._draw) for one in collected.submissions}
        self.refused = list(collected.lines)
        self._refused_by_student = collected.refused
        self._advice = collected.advice

    def __getitem__(self, student: str) -> StudentsWork:
        if student in self._works:
            return self._works[student]
        if refusal := self._refused_by_student.get(student):
            raise NoSuchStudent(refusal)
        if not self._works:
            raise NoSuchStudent(f"There is no student {shown(student)}: nothing was collected.")
        names = ", ".join(short(name, _LONGEST_NAME) for name in list(self._works)[:_MOST_NAMED])
        if (others := len(self._works) - _MOST_NAMED) > 0:
            raise NoSuchStudent(f"There is no student {shown(student)}; choose {names} or one of {others:,} more.")
        raise NoSuchStudent(f"There is no student {shown(student)}; choose {names}.")

    def _luma_kind_(self) -> str:
        return _kind(next(iter(self._works), "ann"))

    def __len__(self) -> int:
        return len(self._works)

    def __iter__(self) -> Iterator[str]:
        return iter(self._works)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each video as plain values, by the names of `FIELDS`: ``cost`` in USD, ``length`` in seconds.

        Who has handed in a notebook alone has one row without a clip.
        """
        for one in self._submissions:
            if not one.videos:
                yield {**dict.fromkeys(FIELDS), "student": one.student, "zip": one.zip.name}
            for video in one.videos:
                yield _row(one, video)

    def dataframe(self) -> DataFrame:
        """The same as a pandas DataFrame. Raises ConfigError where pandas is not installed."""
        return _frame(self.rows(), FIELDS)

    def students(self) -> DataFrame:
        """A row for each student, as a pandas DataFrame: ``notes`` are those of the starred clips, ``right`` how many
        of the ``questions`` are answered right, ``answers`` what was written. Raises ConfigError where pandas is not
        installed."""
        return _frame(map(_student_row, self._submissions), STUDENT_FIELDS)

    def to_csv(self, path: str | PathLike[str], by: str = "clip") -> Path:
        """Save the table as CSV for any spreadsheet (UTF-8, in which no student's word is a formula); its path.

        ``by`` is ``"clip"`` for a row of each clip, as `rows`, or ``"student"``, as `students`. A table that is there
        is replaced. Raises InvalidRequest for another ``by``, for a name that is none of a .csv, and where it cannot be
        written.
        """
        if by not in ("clip", "student"):
            raise InvalidRequest(f"by must be 'clip' or 'student', not {shown(by)}.")
        target = read_path(N_("The table"), path)
        if target.suffix.lower() != ".csv":
            raise InvalidRequest(f"The table must be a .csv file, not {shown(target.name)}.")
        rows = list(self.rows() if by == "clip" else map(_student_row, self._submissions))
        fields = FIELDS if by == "clip" else STUDENT_FIELDS
        lines = [fields, *([_cell(row[name]) for name in fields] for row in rows)]
        try:
            with replacing(target) as file:
                file.write((BOM + "".join(map(csv_line, lines))).encode())
        except OSError as error:
            raise InvalidRequest(f"It cannot be saved as {shown(str(target))} ({reason(error)}).") from None
        count = len(rows)
        say(
            ngettext("{file}: {count} row saved.", "{file}: {count} rows saved.", count).format(
                file=target.name, count=f"{count:,}"
            )
        )
        return target

    def _table(self) -> str:
        if not self._works:
            return _("Nothing was collected.")
        rows = []
        for one in self._submissions:
            stars = sum(video.note.starred for video in one.videos)
            right, questions = one.answers.right, one.answers.questions
            answers = _("{count} of {total}").format(count=right, total=questions) if questions else "-"
            facts = (str(len(one.videos)), dollars(one.cost), str(stars), answers)
            rows.append((short(one.student, _LONGEST_NAME), *facts, short(one.zip.name, _LONGEST_NAME)))
        return text_table([tuple(_(name).upper() for name in _COLUMNS), *rows])

    def __repr__(self) -> str:
        return writable(
            "\n".join(filter(None, [*map(translated, self.refused), self._table(), translated(self._advice)]))
        )

    def _repr_html_(self) -> str:
        key = secrets.token_hex(4)
        for most in _TILES_EACH:
            drawing = self._draw()
            groups = [drawing.group(one, most) for one in self._submissions]
            html = collection_html(key, groups, [*map(translated, self.refused)], translated(self._advice))
            if drawing.embeds or saved_size(html, repr(self)) <= MOST_SAVED:
                break
        return html


def _row(submission: Submission, video: SavedVideo) -> dict[str, Any]:
    task = video.task
    return {
        "student": submission.student,
        "zip": submission.zip.name,
        "name": task.name if task else None,
        "prompt": task.request.prompt if task else video.file.name,
        "action": task.request.action if task else None,
        "service": task.provider if task else None,
        "made": datetime.fromtimestamp(task.created_at, UTC).astimezone() if task else None,
        "length": seconds_of(video.file),
        "cost": task.charge(None) if task else None,
        "starred": video.note.starred,
        "note": video.note.text,
        "video": video.file.relative_to(submission.folder).as_posix(),
        "key": task.key if task else None,
    }


def _student_row(submission: Submission) -> dict[str, Any]:
    starred = [video for video in submission.videos if video.note.starred]
    return {
        "student": submission.student,
        "notebook": "; ".join(notebook.name for notebook in submission.notebooks),
        "clips": len(submission.videos),
        "starred": len(starred),
        "notes": "; ".join(video.note.text for video in starred if video.note.text),
        "cost": submission.cost,
        "right": submission.answers.right,
        "questions": submission.answers.questions,
        "file": submission.zip.name,
        "answers": "\n".join(submission.answers.texts),
    }


def _kind(student: str) -> str:
    """What is said of it where clips are asked for."""
    return N_(f"what was handed in: luma.gallery(collection[{shown(student)}].folder) makes clips of it")


def _frame(rows: Iterable[dict[str, Any]], fields: Sequence[str]) -> DataFrame:
    try:
        import pandas  # optional
    except ImportError:
        raise ConfigError("A DataFrame needs pandas: pip install pandas") from None
    frame = pandas.DataFrame(list(rows), columns=list(fields))
    if "made" in fields:
        frame["made"] = pandas.to_datetime(frame["made"], utc=True)
    return frame.astype({name: "float64" for name in fields if name in ("length", "cost")})


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "seconds")  # a spreadsheet's time has no zone: the local one
    if isinstance(value, str) and len(value) > _LONGEST_CELL:
        return f"{value[: _LONGEST_CELL - 1]}…"
    return round(value, 6) if isinstance(value, float) else value
