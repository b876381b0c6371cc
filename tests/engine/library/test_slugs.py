"""How file names begin: with whole words of any script; files that an earlier version named are found, too."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.slugs import LONGEST, plain_file_name, slug, slug_of_0_1_0
from luma_jupyter.printable import printable_json

pytestmark = pytest.mark.slow

MP4 = b"\0\0\0\x18ftypisom" + bytes(12) + b"\0\0\0\x10moov" + bytes(8) + b"\0\0\0\x10mdat" + bytes(8)
KEY = "0123abcd"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Astronauts shuttle from space", "astronauts-shuttle"),
        ("A red fox", "a-red-fox"),
        ("E\u0301lan vital", "élan-vital"),
        ("हिन्दी में एक लोमड़ी", unicodedata.normalize("NFC", "हिन्दी-में-एक-लोमड़ी")),
        ("สวัสดีชาวโลก", "สวัสดีชาวโลก"),
        ("தமிழ் நாடு", "தமிழ்-நாடு"),
        ("שָׁלוֹם", unicodedata.normalize("NFC", "שָׁלוֹם")),
        ("ශ්\u200dරී ලංකා", "ශ්\u200dරී-ලංකා"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("İstanbul at night", "i\u0307stanbul-at-night"),
        ("1\ufe0f\u20e3 fox", "1-fox"),
        ("👩\u200d🚀 \u200d", "clip"),
        ("\u0301 fox \u0301", "fox"),
        ("snake_case_name", "snake-case-name"),
        ("Donaudampfschifffahrtsgesellschaft", "donaudampfschifffahr"),
        ("ก" * 19 + "ี่ x", "ก" * 18),
        ("น" * 19 + "\u0e33", "น" * 19 + "\u0e33"),
        ("น" * 20 + "\u0e33", "น" * 19),
        ("क" * 19 + "क्ष", "क" * 19),
        ("a" + "\u0316" * 40, "clip"),
    ],
)
def test_slug_keeps_words_whole(prompt: str, expected: str) -> None:
    """Marks and joiners stay with their letters; a word that is too long ends between two letters that people see."""
    assert slug(prompt) == expected


LETTERS = st.characters(categories=["L", "M", "N"]) | st.sampled_from(" -\u200c\u200d\u094d\u0e33\u1112\u1161\u11ab")


@given(st.text(LETTERS, max_size=60))
def test_slug_is_short_and_never_begins_or_ends_within_a_letter(prompt: str) -> None:
    """It has no more than 20 characters, is in the form that disks keep, and is a part of the prompt's words."""
    found = slug(prompt)
    assert 1 <= len(found) <= LONGEST
    assert found == unicodedata.normalize("NFC", found) == slug(unicodedata.normalize("NFD", prompt))
    assert found[0].isalnum()
    assert not found.endswith(("-", "\u200c", "\u200d"))
    assert len(os.fsencode(found)) < 120


@given(st.text(st.characters(categories=["L", "N", "P", "Z"], exclude_characters="\u0e33\u0eb3"), max_size=60))
def test_slug_of_words_without_marks_is_as_it_was(prompt: str) -> None:
    """Most files are named as version 0.1.0 named them (but for old Hangul, which it tore)."""
    if any(0x1100 <= ord(c) < 0x1200 or 0xA960 <= ord(c) < 0xA97D or 0xD7B0 <= ord(c) < 0xD800 for c in prompt):
        return
    lower = unicodedata.normalize("NFC", prompt).lower()
    if not any(unicodedata.category(character).startswith("M") for character in unicodedata.normalize("NFC", lower)):
        assert slug(prompt) == unicodedata.normalize("NFC", slug_of_0_1_0(prompt))


def place(folder: Path, prompt: str, name: str) -> Task:
    """A completed clip under this file name."""
    request = GenerateRequest(prompt=prompt)
    task = Task(
        intent="0123abcd" * 4,
        request=request,
        provider="acedata",
        status=Status.COMPLETED,
        created_at=1.0,
        filename=name,
        media=folder,
        folder=folder,
        task_id="task-1",
        video=Video("https://media.example/1.mp4"),
        fingerprint=fingerprint(request, None),
    )
    (folder / name).write_bytes(MP4)
    with (folder / name).with_suffix(".json").open("wb") as file:
        sidecars.write(file, task, len(MP4))
    return task


def find(folder: Path, task: Task) -> list[Path | None]:
    return [found.path for found in sidecars.find_equal(folder, task.request.prompt, task.fingerprint)]


@pytest.mark.parametrize("prompt", ["हिन्दी में एक लोमड़ी", "สวัสดีชาวโลกทั้งหลาย", "İstanbul", "می\u200cخواهم", "A red fox"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_file_that_0_1_0_named_is_found(tmp_path: Path, prompt: str, form: str) -> None:
    """Under the name that it has, as under the one that this version gives; each once."""
    old = unicodedata.normalize(form, f"{slug_of_0_1_0(prompt)}-{KEY}.mp4")
    task = place(tmp_path, prompt, old)
    assert find(tmp_path, task) == [tmp_path / old]
    new = sidecars.video_file_name(prompt, "9876fedc")
    place(tmp_path, prompt, new)
    assert sorted(map(str, find(tmp_path, task))) == sorted([str(tmp_path / old), str(tmp_path / new)])


@pytest.mark.parametrize("letter", ["x", "é", "火", "🦊", '"', "\\", "\x01", "\n"])
@pytest.mark.parametrize("longest", [False, True], ids=["too large a file", "as long as can be"])
def test_a_long_prompt_is_found_as_any_other(tmp_path: Path, letter: str, longest: bool) -> None:
    """By its request, by its folder, and by its file; its intent is known, too."""
    in_json = len(printable_json(json.dumps(letter, ensure_ascii=False)).encode()) - len('""')
    count = 1_999_992 if longest else sidecars.LARGEST // in_json + 1
    prompt = f"A fox {letter * count}."
    task = place(tmp_path, prompt, sidecars.video_file_name(prompt, KEY))
    path = tmp_path / task.filename
    assert path.with_suffix(".json").stat().st_size > sidecars.LARGEST
    assert find(tmp_path, task) == [path]
    listed = sidecars.read_listed(path.with_suffix(".json"))
    assert listed
    assert listed.request.prompt == prompt
    assert sidecars.intent_of(path) == task.intent


@pytest.mark.parametrize("spoil", ["a list", "a long name", "a second prompt", "no end", "larger than any"])
def test_a_strangers_large_file_is_not_parsed(tmp_path: Path, spoil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a prompt may make a sidecar large: what would fill the memory is told by its bytes alone."""
    task = place(tmp_path, "A red fox", f"a-red-fox-{KEY}.mp4")
    path = (tmp_path / task.filename).with_suffix(".json")
    data = json.loads(path.read_bytes())
    contents = {
        "a list": json.dumps({**data, "more": [[]] * 1_000_000}),
        "a long name": json.dumps({**data, "name": "x" * 2_000_000}),
        "a second prompt": f'{{"prompt": "{"x" * 2_000_000}", ' + json.dumps({**data, "prompt": "x" * 2_000_000})[1:],
        "no end": '{"prompt": "' + "\\" * 2_000_001,
        "larger than any": json.dumps({**data, "prompt": "x" * sidecars.LARGEST_WITH_PROMPT}),
    }
    path.write_text(contents[spoil])
    monkeypatch.setattr(json, "loads", lambda content: pytest.fail("parsed"))
    assert sidecars.read(path) is None
    assert sidecars.intent_of(tmp_path / task.filename) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("my cat.png", "my-cat.png"),
        ("C:\\Users\\me\\cat.png", "cat.png"),
        ("../../etc/passwd", "passwd"),
        ("con.png", "file-con.png"),
        ("AUX", "file-AUX"),
        ("nul.tar.gz", "file-nul.tar.gz"),
        ("Com1.png", "file-Com1.png"),
        ("com0.png", "com0.png"),
        ("console.png", "console.png"),
        ("cat.png.. ", "cat.png"),
        ("a:b|c?.png", "a-b-c-.png"),
        ("...", "file"),
        ("猫" * 60 + ".jpeg", "猫" * 40 + ".jpeg"),
    ],
)
def test_plain_file_name_is_taken_by_every_file_system(name: str, expected: str) -> None:
    """No folders, no signs that Windows refuses, no dot at the end, and none of its devices."""
    assert plain_file_name(name, 40) == expected


@given(st.text(max_size=300))
def test_plain_file_name_of_anything_is_short_and_plain(name: str) -> None:
    """Whatever the page calls a file."""
    plain = plain_file_name(name, 40)
    assert 0 < len(plain) <= 51
    assert not set(plain) & set('<>:"/\\|?*\0')
    assert not plain.endswith((".", " "))
