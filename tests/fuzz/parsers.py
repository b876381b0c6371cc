"""The two parsers that read strangers' bytes, each with honest inputs, damaged ones, and the worst that fit in."""

from __future__ import annotations

import io
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.media import check_video
from luma_jupyter.domain.mp4 import MOST_BOXES
from luma_jupyter.domain.note import Note
from luma_jupyter.domain.requests import (
    LONGEST_PROMPT,
    ExtendRequest,
    GenerateRequest,
    ModifyRequest,
    Request,
    VideoRef,
)
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.store.serialization import read_request
from tests.support.films import box, film, track

_SIZES = (0, 1, 7, 8, 9, 15, 16, 255, 2**31 - 1, 2**31, 2**32 - 1)
_KINDS = (b"ftyp", b"moov", b"trak", b"tkhd", b"mdia", b"hdlr", b"minf", b"stbl", b"stsz", b"stz2", b"moof", b"traf")
_MORE_KINDS = (b"tfhd", b"trun", b"mdat", b"free", b"uuid", b"\0\0\0\0")
_CHARACTERS = ("", "a", "\x1b]0;x\x07", "\u202e", "\ud800", "\0", "猫", "😀", "../", "x" * 300, "https://x.example/v")


class Parser(ABC):
    """A parser under attack."""

    @abstractmethod
    def parse(self, data: bytes) -> object:
        """Read an input as the package does; what is returned is true where it was taken for good."""

    @abstractmethod
    def damaged(self, random: Random) -> bytes:
        """An input that began as an honest one, or as none."""

    @abstractmethod
    def worst(self) -> Iterator[bytes]:
        """The largest and deepest inputs that there can be."""


class Films(Parser):
    """MP4 boxes: `domain.mp4`, by way of the check that every video goes through."""

    def __init__(self) -> None:
        fragment = box(b"moof", box(b"traf", box(b"tfhd", bytes(4) + b"\0\0\0\1") + box(b"trun", bytes(8))))
        long = b"\0\0\0\1mdat" + (16 + 50).to_bytes(8, "big") + bytes(50)
        self._honest = [film(content=90), film(b"soun", 90), film(content=90) + fragment, film(content=0) + long]

    def parse(self, data: bytes) -> object:
        return check_video(io.BytesIO(data), len(data)).playable

    def damaged(self, random: Random) -> bytes:
        if random.random() < 0.3:
            return self._tree(random, 5)
        data = bytearray(random.choice(self._honest))
        for _ in range(random.randrange(1, 12)):
            at = random.randrange(len(data) + 1)
            match random.randrange(5):
                case 0:
                    data[at : at + 1] = random.randbytes(1)
                case 1:
                    data[at : at + 4] = random.choice(_SIZES).to_bytes(4, "big")
                case 2:
                    del data[at : at + random.randrange(1, 40)]
                case 3:
                    data[at:at] = data[: random.randrange(1, 60)]
                case _:
                    data[at : at + 4] = random.choice(_KINDS + _MORE_KINDS)
        return bytes(data)

    def _tree(self, random: Random, depth: int) -> bytes:
        """Boxes within boxes, some of which lie about their length."""
        boxes = []
        for _ in range(random.randrange(1, 4)):
            content = self._tree(random, depth - 1) if depth and random.random() < 0.7 else random.randbytes(40)
            made = box(random.choice(_KINDS + _MORE_KINDS), content)
            if random.random() < 0.1:
                made = random.choice(_SIZES).to_bytes(4, "big") + made[4:]
            boxes.append(made)
        return b"".join(boxes)

    def worst(self) -> Iterator[bytes]:
        many = 40 * MOST_BOXES
        yield box(b"moof") * many
        yield box(b"moov") + box(b"trak") * many
        yield box(b"moov", box(b"trak") * many)
        yield box(b"moov", track() * MOST_BOXES)
        yield box(b"moov", track()) + box(b"moof", box(b"traf") * many)
        deep = b""
        for _ in range(MOST_BOXES):
            deep = box(b"moov", deep[:2_000])
        yield deep
        yield b"\0\0\0\1mdat" + (2**64 - 1).to_bytes(8, "big")
        yield film(content=50_000_000)


def _a_task(request: Request) -> Task:
    intent = "0123456789abcdef" * 2
    task = Task(
        intent=intent,
        request=request,
        provider="acedata",
        status=Status.COMPLETED,
        created_at=1_700_000_000.0,
        filename="a.mp4",
        ended_at=1_700_000_090.0,
        task_id="task-1",
        video=Video("https://media.example/1.mp4", "v-1", 1280, 720, "https://media.example/1.jpg"),
        price=0.35,
    )
    return task.evolve(fingerprint=fingerprint(request, None))


class Sidecars(Parser):
    """Sidecars: `engine.library.sidecars`, beside a whole video in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "a.json"
        self._path.with_suffix(".mp4").write_bytes(film())
        requests = [
            GenerateRequest(prompt="A red fox", loop=True, start_image="https://x.example/a.png"),
            ExtendRequest(prompt="It runs", source=VideoRef(video_id="v-1")),
            ModifyRequest(prompt="In fog", source=VideoRef(url="https://x.example/v.mp4"), watermark="w"),
        ]
        self._honest = [self.written(_a_task(request)) for request in requests]

    @staticmethod
    def written(task: Task) -> bytes:
        """A task's sidecar."""
        file = io.BytesIO()
        sidecars.write(file, task, 900, Note(True, "The best 狐狸"))
        return file.getvalue()

    def parse(self, data: bytes) -> Task | None:
        self._path.write_bytes(data)
        intent = sidecars.intent_of(self._path.with_suffix(".mp4"))
        sidecars.read_note(self._path, intent or "")
        sidecars.read_claims(self._path)
        return sidecars.read(self._path)

    def damaged(self, random: Random) -> bytes:
        text = random.choice(self._honest)
        if random.random() < 0.4:
            data = bytearray(text)
            for _ in range(random.randrange(1, 10)):
                at = random.randrange(len(data) + 1)
                match random.randrange(3):
                    case 0:
                        data[at : at + 1] = random.randbytes(1)
                    case 1:
                        del data[at : at + random.randrange(1, 30)]
                    case _:
                        data[at:at] = random.choice((b'"', b"{", b"[", b"\\u", b"\xff", b"1e999", b"null", b",", b"\0"))
            return bytes(data)
        told = json.loads(text)
        for _ in range(random.randrange(1, 4)):
            place = told
            if random.random() < 0.4:
                place = random.choice([inner for inner in told.values() if isinstance(inner, dict)] or [told])
            name = random.choice([*place, "extra", "__class__", ""])
            if random.random() < 0.15:
                place.pop(name, None)
            else:
                place[name] = _value(random, 3)
        told["fingerprint"] = _equal_fingerprint(told) if random.random() < 0.7 else told.get("fingerprint")
        return json.dumps(told, ensure_ascii=random.random() < 0.5).encode(errors="backslashreplace")

    def worst(self) -> Iterator[bytes]:
        for character in ("x", "é", "猫", "😀", "\x1b", '"'):
            yield self.written(_a_task(GenerateRequest(prompt=f"a{character * (LONGEST_PROMPT - 2)}z")))
        largest = sidecars.LARGEST - 1000
        head = self._honest[0].rstrip()[:-1] + b', "extra": '
        for piece, opening, closing in (
            (b"[],", b"[", b"[]]"),
            (b"{},", b"[", b"{}]"),
            (b'"ab",', b"[", b"1]"),
            (b"0.5,", b"[", b"1]"),
            (b"[", b"[", b"]"),
            (b'{"a":', b"", b"1"),
            (b"9", b"", b""),
            (b"\\u0041", b'"', b'"'),
        ):
            yield head + opening + piece * (largest // len(piece)) + closing + b"}"
        yield head + b"{" + b",".join(b'"%x":1' % number for number in range(largest // 9)) + b"}}"
        yield b"\xff" * largest
        yield b" " * sidecars.LARGEST_WITH_PROMPT
        yield b'"prompt": "' + b"\\" * (sidecars.LARGEST_WITH_PROMPT - 20)
        yield b'"prompt": "x" ' * (sidecars.LARGEST_WITH_PROMPT // 15)


def _equal_fingerprint(told: Mapping[str, Any]) -> Any:
    """The fingerprint that a forger would have worked out; the one that was there, where the request is none."""
    try:
        return fingerprint(read_request(told), told.get("source_intent"))
    except Exception:  # the parser has to find out by itself
        return told.get("fingerprint")


def _value(random: Random, depth: int) -> Any:
    """Any JSON value, with a liking for what breaks programs."""
    match random.randrange(9 if depth else 7):
        case 0:
            return random.choice((None, True, False))
        case 1:
            return random.choice((0, -1, 1, 10**11, 10**30, 2**63, random.randrange(-(10**12), 10**12)))
        case 2:
            return random.choice((0.0, -0.5, 1e300, math.nan, math.inf, random.random() * 1e12))
        case 3 | 4:
            return "".join(random.choice(_CHARACTERS) for _ in range(random.randrange(4)))
        case 5:
            return random.choice(("completed", "demo", "extend", "modify", "9:16", "0" * 32, "a" * 64))
        case 6:
            return {"sha256": "0" * 64, "mime": "image/png", "name": random.choice(_CHARACTERS), "size": 1}
        case 7:
            return [_value(random, depth - 1) for _ in range(random.randrange(4))]
        case _:
            return {random.choice(_CHARACTERS): _value(random, depth - 1) for _ in range(random.randrange(4))}
