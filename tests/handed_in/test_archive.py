"""Zips that somebody means no good with: each is refused in one line, and leaves nothing."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from luma_jupyter.handed_in import archive
from luma_jupyter.handed_in.archive import Refused, unpack
from tests.support.handed_in import write_zip

NOTEBOOK = b'{"nbformat": 4, "cells": []}'
Make = Callable[[Path], Path]


def named(*names: str) -> Make:
    """A zip with files of these names beside a good one."""
    return lambda file: write_zip(file, {"lesson.ipynb": NOTEBOOK, **dict.fromkeys(names, b"x")})


def with_mode(mode: int) -> Make:
    """A zip in which a file says that it is something else."""

    def make(file: Path) -> Path:
        with zipfile.ZipFile(file, "w") as made:
            info = zipfile.ZipInfo("luma_videos/a.mp4")
            info.external_attr = (mode | 0o777) << 16
            made.writestr(info, "/etc/passwd")
        return file

    return make


def patched(find: bytes, put: bytes) -> Make:
    """A good zip of which some bytes are others."""

    def make(file: Path) -> Path:
        content = write_zip(file, {"lesson.ipynb": NOTEBOOK * 100}).read_bytes()
        assert find in content
        file.write_bytes(content.replace(find, put))
        return file

    return make


def encrypted(file: Path) -> Path:
    """A zip whose entries say that they are encrypted."""
    content = bytearray(write_zip(file, {"lesson.ipynb": NOTEBOOK}).read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    file.write_bytes(content)
    return file


def twice(first: str, second: str) -> Make:
    """A zip with two files under names that some system takes for one."""

    def make(file: Path) -> Path:
        with zipfile.ZipFile(file, "w") as made:
            made.writestr(zipfile.ZipInfo(first), "1")
            made.writestr(zipfile.ZipInfo(second), "2")
        return file

    return make


@cache
def zeros() -> bytes:
    """A zip of 200 kB with 200 MB of zeros."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made, made.open("a.mp4", "w") as entry:
        for _ in range(200):
            entry.write(bytes(1_000_000))
    return content.getvalue()


def bomb(file: Path) -> Path:
    """Next to nothing, out of which comes much."""
    file.write_bytes(zeros())
    return file


def lying_bomb(file: Path) -> Path:
    """A bomb that says it is small."""
    file.write_bytes(zeros().replace(struct.pack("<L", 200_000_000), struct.pack("<L", 900)))
    return file


def quoted_bomb(file: Path) -> Path:
    """A zip whose list of files names the same bytes again and again, as small ones."""
    content = write_zip(file, {f"{number:03}.json": bytes(5_000) for number in range(50)}).read_bytes()
    at = content.index(b"PK\1\2")
    listed = bytearray(content[at:])
    place = 0
    while (place := listed.find(b"PK\1\2", place)) >= 0:
        listed[place + 42 : place + 46] = struct.pack("<L", 0)
        place += 46
    file.write_bytes(content[:at] + listed)
    return file


def long_list(file: Path) -> Path:
    """A zip that says its list of files is larger than any."""
    content = bytearray(write_zip(file, {"lesson.ipynb": NOTEBOOK}).read_bytes())
    at = content.rindex(b"PK\5\6")
    content[at + 12 : at + 16] = struct.pack("<L", 2**31)
    file.write_bytes(content)
    return file


def of_64_bits(file: Path) -> Path:
    """A zip with the kind of end that may count to 2⁶⁴."""
    content = write_zip(file, {"lesson.ipynb": NOTEBOOK}).read_bytes()
    at = content.rindex(b"PK\5\6")
    file.write_bytes(content[:at] + b"PK\6\7" + bytes(16) + content[at:])
    return file


def says_few(file: Path) -> Path:
    """A zip with more files than its end says."""
    content = bytearray(named(*(f"{number}.json" for number in range(2_001)))(file).read_bytes())
    at = content.rindex(b"PK\5\6")
    content[at + 8 : at + 12] = struct.pack("<HH", 1, 1)
    file.write_bytes(content)
    return file


def beyond_its_end(file: Path) -> Path:
    """A zip with a file that is stored behind its end."""
    content = bytearray(write_zip(file, {"lesson.ipynb": NOTEBOOK}).read_bytes())
    at = content.index(b"PK\1\2")
    content[at + 20 : at + 24] = struct.pack("<L", 5_000)
    file.write_bytes(content)
    return file


def packed_otherwise(file: Path) -> Path:
    """A zip of a method that makes more out of less."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as made:
        made.writestr("lesson.ipynb", NOTEBOOK)
    return file


def bytes_of(content: bytes) -> Make:
    """A file that is called a zip."""

    def make(file: Path) -> Path:
        file.write_bytes(content)
        return file

    return make


HOSTILE: dict[str, tuple[Make, str]] = {
    "parent": (named("../evil.ipynb"), "leads out of it"),
    "parent below": (named("a/../../evil.ipynb"), "leads out of it"),
    "absolute": (named("/etc/evil.json"), "leads out of it"),
    "drive": (named("C:/evil.json"), "leads out of it"),
    "network": (named("//server/evil.json"), "leads out of it"),
    "backslashes": (named("..\\evil.json"), "leads out of it"),
    "stream": (named("a.json:evil"), "leads out of it"),
    "zero byte": (patched(b"lesson.ipynb", b"lesson\0ipynb"), "leads out of it"),
    "device of Windows": (named("luma_videos/NUL.json"), "leads out of it"),
    "dot at the end": (named("luma_videos./a.json"), "leads out of it"),
    "control character": (named("a\x1b[2J.json"), "leads out of it"),
    "long name": (named("a" * 300 + ".json"), "too long"),
    "deep": (named("a/" * 50 + "a.json"), "too long"),
    "link": (with_mode(stat.S_IFLNK), "a link or a device"),
    "pipe": (with_mode(stat.S_IFIFO), "a link or a device"),
    "device": (with_mode(stat.S_IFCHR), "a link or a device"),
    "encrypted": (encrypted, "it is encrypted"),
    "equal but for case": (twice("a.json", "A.JSON"), "differ only in capitals or accents"),
    "equal but for accents": (twice("caf\u00e9.json", "cafe\u0301.json"), "differ only in capitals or accents"),
    "file and folder": (twice("a.json", "A.json/b.json"), "also a folder"),
    "bomb": (bomb, "out of next to nothing"),
    "bomb that lies": (lying_bomb, "not a zip, or it is damaged"),
    "overlapping": (quoted_bomb, "overlap"),
    "long list": (long_list, "up to 2,000 are taken"),
    "many files": (named(*(f"{number}.json" for number in range(2_001))), "2,002 files; up to 2,000"),
    "many files that are not told": (says_few, "2,002 files; up to 2,000"),
    "beyond its end": (beyond_its_end, "not a zip, or it is damaged"),
    "64 bits": (of_64_bits, "larger than anything that is handed in"),
    "another method": (packed_otherwise, "packed in an unknown way"),
    "no zip": (bytes_of(b"Rar!" * 100), "not a zip, or it is damaged"),
    "empty": (bytes_of(b""), "not a zip, or it is damaged"),
    "cut off": (bytes_of(b"PK\3\4" + bytes(100)), "not a zip, or it is damaged"),
    "an end alone": (bytes_of(b"PK\5\6" + b"\xff" * 18), "files; up to 2,000"),
    "smaller than it says": (
        patched(struct.pack("<L", 100 * len(NOTEBOOK)), struct.pack("<L", 4_000)),
        "not as large as",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_zip_is_refused_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    """It says why in words that go behind its name; nothing is written, neither in its folder nor beside it."""
    make, words = HOSTILE[name]
    file = make(tmp_path / "evil.zip")
    with pytest.raises(Refused, match=words) as caught:
        unpack(file, tmp_path / "out" / "evil")
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == [file, tmp_path / "out"]


@pytest.mark.parametrize("at", [14, 30 + len("lesson.ipynb") + 5])
def test_damaged_content_is_refused(tmp_path: Path, at: int) -> None:
    """A checksum that is not right, and bytes that cannot be unpacked."""
    file = write_zip(tmp_path / "a.zip", {"lesson.ipynb": NOTEBOOK * 100})
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    if at == 14:
        content[content.index(b"PK\1\2") + 16] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(Refused, match="not a zip, or it is damaged"):
        unpack(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_size_in_all_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files it is spread over."""
    monkeypatch.setattr(archive, "MOST_BYTES", 10_000)
    with pytest.raises(Refused, match="; up to 0 MB are taken"):
        unpack(write_zip(tmp_path / "a.zip", {f"{n}.json": bytes(3_000) for n in range(4)}), tmp_path / "out")


def test_text_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no video is never that large."""
    monkeypatch.setattr(archive, "MOST_TEXT", 100)
    with pytest.raises(Refused, match=r"'a\.json' in it is too large"):
        unpack(write_zip(tmp_path / "a.zip", {"a.json": bytes(101)}), tmp_path / "out")


def test_only_what_is_shown_is_unpacked(tmp_path: Path) -> None:
    """No page, script or program comes out of a zip, and nothing that macOS puts into each."""
    names = [
        "lesson.ipynb",
        "luma_videos/狐狸.json",
        "lesson.html",
        "x.js",
        "run.sh",
        ".hidden.json",
        "__MACOSX/a.json",
    ]
    unpack(write_zip(tmp_path / "a.zip", {"luma_videos/": b"", **dict.fromkeys(names, b"x")}), tmp_path / "out")
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert found == ["lesson.ipynb", "luma_videos/狐狸.json"]
