"""What films are made of: stretches of clips and of files, and the files themselves."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from luma_jupyter.domain.values import as_python, read_number
from luma_jupyter.domain.visibility import has_visible
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import file_mark
from luma_jupyter.printable import whole

PICTURE_SECONDS = 3.0  # that a picture stands where nobody says how long
LONGEST_STILL = 3600.0  # seconds
SLOWEST, FASTEST = 0.01, 100.0
WIDEST = 20.0  # times as wide as high, or as high as wide
LONGEST_WORDS = 2_000  # characters of a title or a caption
LONGEST_NAME = 80  # characters of a label or a file's name: sidecars are bounded
_RATIO = re.compile(r"(\d{1,5}(?:\.\d{1,5})?):(\d{1,5}(?:\.\d{1,5})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class FilmFile:
    """A video, picture or sound of the user's that goes into a film: by its SHA-256 (hex), wherever it lies.

    It is the file at ``path``, of which ``mark`` changes when it does, or ``data`` where it was given as an object; one
    that was read from a record has neither.
    """

    sha256: str
    name: str = field(compare=False)
    path: Path | None = field(default=None, compare=False)
    mark: str = field(default="", compare=False, repr=False)
    data: bytes | None = field(default=None, compare=False, repr=False)

    @classmethod
    def at(cls, path: Path) -> FilmFile:
        """The file at a path, however large it is. Raises OSError."""
        mark = file_mark(path.stat())  # before it is read: it may change meanwhile
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(sha256, whole(path.name)[-LONGEST_NAME:], path, mark)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> FilmFile:
        """A file as a record tells of it. Raises ValueError, KeyError or TypeError where it is none."""
        sha256, name = record["sha256"], record["name"]
        if not re.fullmatch("[0-9a-f]{64}", sha256) or not isinstance(name, str):
            raise ValueError("not a file")
        return cls(sha256, name[-LONGEST_NAME:])

    @property
    def record(self) -> dict[str, Any]:
        """What records keep of it: not its bytes, and not where it lies."""
        return {"sha256": self.sha256, "name": self.name}

    def check(self) -> None:
        """Make sure that it is still the file that was named. Raises InvalidRequest where it is gone or has changed."""
        if self.data is not None:
            return
        if self.path is None:
            raise InvalidRequest(f"{self.name} was given in an earlier session and is not here: run the cell again.")
        try:
            same = file_mark(self.path.stat()) == self.mark
        except OSError as error:
            reason = error.strerror or error
            raise InvalidRequest(f"{self.name} cannot be read any more ({reason}): run the cell again.") from None
        if not same:
            raise InvalidRequest(f"{self.name} has changed since then: run the cell again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a film: of a clip, which need not be done yet, or of a file of the user's.

    ``source`` is the clip's intent, or the file; ``label`` how the user named the part, which does not count.
    ``start`` and ``end`` are seconds of the source (end None: all of it), half open; ``speed`` 2 is twice as fast;
    ``crop`` is a ratio such as ``9:16``, of which the middle is kept. ``seconds`` is how long a picture stands, and
    None for all that is none. ``title`` is drawn over its beginning, ``caption`` is its line in the captions. Raises
    InvalidRequest for a value that cannot be used, which begins with the field's name.
    """

    source: str | FilmFile
    label: str = field(default="", compare=False)
    start: float = 0.0
    end: float | None = None
    speed: float = 1.0
    crop: str | None = None
    seconds: float | None = None
    title: str | None = None
    caption: str | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "label", check_text("label", self.label)[:LONGEST_NAME])
        start = check_number("start", self.start, N_("a number of seconds, 0 or more"), 0.0)
        put(self, "start", start)
        if self.end is not None:
            end = read_number(self.end)
            if not start < end < math.inf:
                raise InvalidRequest(f"end must be a number of seconds after {start:g}, not {shown(self.end)}.")
            put(self, "end", end)
        put(self, "speed", read_speed(self.speed))
        put(self, "crop", None if self.crop is None else read_ratio(self.crop))
        if self.seconds is not None:
            wanted = N_("how many seconds the picture is shown, from 0.1 to 3,600")
            put(self, "seconds", check_number("seconds", self.seconds, wanted, 0.1, LONGEST_STILL))
        put(self, "title", _checked_words("title", self.title))
        put(self, "caption", _checked_words("caption", self.caption))

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Piece:
        """A part as a record tells of it. Raises ValueError, KeyError or TypeError where it is none."""
        facts = dict(record)
        intent, file = facts.pop("intent", None), facts.pop("file", None)
        if file is None and not (isinstance(intent, str) and re.fullmatch("[0-9a-f]{32}", intent)):
            raise ValueError("not a part")
        return cls(source=intent if file is None else FilmFile.from_record(file), **facts)

    @property
    def record(self) -> dict[str, Any]:
        """What records keep of it."""
        source = {"file": self.source.record} if isinstance(self.source, FilmFile) else {"intent": self.source}
        return source | self._changed | ({"label": self.label} if self.label else {})

    @property
    def facts(self) -> dict[str, Any]:
        """What counts of it, as plain data."""
        source = {"sha256": self.source.sha256} if isinstance(self.source, FilmFile) else {"intent": self.source}
        return source | self._changed

    @property
    def _changed(self) -> dict[str, Any]:
        """What differs from the defaults, beside source and label."""
        names = [one.name for one in fields(self) if one.name not in ("source", "label")]
        defaults = {one.name: one.default for one in fields(self)}
        return {name: getattr(self, name) for name in names if getattr(self, name) != defaults[name]}

    @property
    def intent(self) -> str | None:
        """The clip's; None for a file."""
        return None if isinstance(self.source, FilmFile) else self.source

    @property
    def source_label(self) -> str:
        """How the user named the clip that it is of: ``storm`` where the part is ``storm@1-4.5``."""
        return re.split("[@ ]", self.label)[0] or "a clip"

    def __str__(self) -> str:
        return self.label or (self.source.name if isinstance(self.source, FilmFile) else "a clip")


def check_text(what: str, text: object) -> str:
    """Refuse what is no text that can be written down. Raises InvalidRequest.

    ``what`` it is: a parameter's name, or words.
    """
    if not isinstance(text, str):
        raise InvalidRequest(f"{what} must be text, not {type(text).__name__}.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{what} has half a character (a lone surrogate): type it again.") from None
    return text


def check_number(name: str, value: object, wanted: str, least: float, most: float = math.inf) -> float:
    """Read a finite number within bounds; ``wanted`` says of what, and which. Raises InvalidRequest."""
    number = read_number(value)
    if not least <= number <= most or number == math.inf:
        raise InvalidRequest(f"{name} must be {wanted}, not {shown(value)}.")
    return number


def read_speed(speed: object) -> float:
    """Read how many times as fast something plays. Raises InvalidRequest."""
    return check_number("speed", speed, N_(f"a number from {SLOWEST:g} to {FASTEST:g}"), SLOWEST, FASTEST)


def read_ratio(ratio: object) -> str:
    """Read a ratio of width to height, such as 9:16. Raises InvalidRequest."""
    text = as_python(ratio)
    found = _RATIO.fullmatch(text.replace(" ", "")) if isinstance(text, str) else None
    width, height = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if not (width and height and 1 / WIDEST <= width / height <= WIDEST):
        raise InvalidRequest(f"crop must be a ratio such as 9:16 or 2.39:1, not {shown(ratio)}.")
    return f"{width:g}:{height:g}"


def _checked_words(name: str, words: object) -> str | None:
    """A title or caption; None where it says nothing."""
    words = as_python(words)
    if words is None:
        return None
    text = check_text(name, words).strip()
    if len(text) > LONGEST_WORDS:
        raise InvalidRequest(f"{name} has {len(text):,} characters, and may have {LONGEST_WORDS:,}.")
    return text if has_visible(text) else None
