"""Sound files: what cannot be used is refused in one line, at once or when it is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.films.sound import FilmSound
from luma_jupyter.films.sound_files import check_sound, decode_sound
from luma_jupyter.films.spec import SoundPart
from tests.support.sounds import RATE, noise, rms, sound_frame, tone, write_film, write_sound

ADVICE = "Give an mp3, m4a, wav, ogg or flac file, or a video with sound."


def gone(path: Path) -> None:
    """No file."""


def folder(path: Path) -> None:
    """A folder under the file's name."""
    path.mkdir()


def empty(path: Path) -> None:
    """No bytes."""
    path.write_bytes(b"")


def text(path: Path) -> None:
    """Something else."""
    path.write_text("no sound at all\n" * 200)


def mute(path: Path) -> None:
    """A video without a sound track."""
    write_film(path.with_suffix(".mp4"), [50] * 5).rename(path)


def without_samples(path: Path) -> None:
    """The head of a sound file, and nothing after it."""
    whole = write_sound(path.with_suffix(".wav"), tone(1)).read_bytes()
    path.write_bytes(whole[: whole.index(b"data") + 8])


def list_of_files(path: Path) -> None:
    """A list that makes FFmpeg open another file, if it may."""
    other = write_sound(path.with_name("secret.wav"), tone(1))
    path.write_text(f"ffconcat version 1.0\nfile {other.name}\n")


def playlist(path: Path) -> None:
    """A playlist of the web's kind, of a file that is there."""
    other = write_sound(path.with_name("secret.aac"), tone(1), "aac")
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{other.name}\n#EXT-X-ENDLIST\n")


def cut_in_its_head(path: Path) -> None:
    """An M4A whose index, at its end, is missing."""
    whole = write_sound(path.with_suffix(".m4a"), noise(1), "aac").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


BAD = {
    gone: "music: there is no file",
    folder: "music: there is no file",
    empty: "music: waves.mp3 cannot be used: it cannot be read as sound",
    text: "music: waves.mp3 cannot be used: it cannot be read as sound",
    mute: "music: waves.mp3 cannot be used: it has no sound in it",
    without_samples: "music: waves.mp3 ",
    list_of_files: "music: waves.mp3 cannot be used: it cannot be read as sound",
    playlist: "music: waves.m3u8 cannot be used: it cannot be read as sound",
    cut_in_its_head: "music: waves.mp3 cannot be used: it cannot be read as sound",
}


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_unusable_sound_is_refused_at_once_in_one_line(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """Music that cannot be used is refused before anything is made, in a line that says what to give."""
    path = tmp_path / ("waves.m3u8" if make is playlist else "waves.mp3")  # FFmpeg takes one by its name
    make(path)
    for use in (lambda: check_sound("music", path), lambda: FilmSound([], Fraction(1), path)):
        with pytest.raises(InvalidRequest) as caught:
            use()
        message = str(caught.value)
        assert message.startswith(BAD[make])
        assert "\n" not in message
        assert make in (gone, folder) or message.endswith(ADVICE)


@pytest.mark.parametrize("make", [gone, empty, text, cut_in_its_head], ids=lambda make: make.__name__)
def test_unusable_part_is_refused_by_its_name(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A part whose sound cannot be read is refused in a line with its name, when it is reached."""
    path = tmp_path / "shot.mp4"
    make(path)
    with pytest.raises(InvalidRequest, match=r"shot\.mp4") as caught:
        list(FilmSound([SoundPart(path=path, at=Fraction(0), length=Fraction(1))], Fraction(1)).blocks())
    assert "mp3" not in str(caught.value)


def test_usable_sound_is_accepted(tmp_path: Path) -> None:
    """A sound file, and a video with sound, are music."""
    check_sound("music", write_sound(tmp_path / "tone.wav", tone(0.1)))
    check_sound("music", write_film(tmp_path / "film.mp4", [50] * 5, tone(0.5)))


def test_truncated_sound_is_told_when_it_is_reached(tmp_path: Path) -> None:
    """An M4A with its index first, whose end is missing, is refused by name, and not played as a shorter one."""
    path = tmp_path / "music.m4a"
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("aac", rate=RATE, layout="stereo")
        container.mux([*stream.encode(sound_frame(noise(2))), *stream.encode(None)])
    path.write_bytes(path.read_bytes()[:-4000])
    film = FilmSound([], Fraction(3), path)
    with pytest.raises(InvalidRequest, match=r"^music: music.m4a cannot be used: it is damaged or not whole\. Give"):
        list(film.blocks())


def test_sound_that_is_damaged_for_long_is_told(tmp_path: Path) -> None:
    """A part of whose sound more than a second cannot be decoded is refused by its file's name."""
    path = write_film(tmp_path / "part.mp4", [50] * 40, noise(4))
    _overwrite_sound(path, 20, 140)
    with pytest.raises(
        InvalidRequest,
        match=r"^The sound of part\.mp4 cannot be used: it is damaged or not whole\. Download or save it again\.$",
    ):
        list(FilmSound([SoundPart(path=path, at=Fraction(0), length=Fraction(4))], Fraction(4)).blocks())


def test_a_moment_that_cannot_be_decoded_is_silent(tmp_path: Path) -> None:
    """A few packets that cannot be decoded leave silence in their place, and what follows where it was."""
    path = write_film(tmp_path / "part.mp4", [50] * 20, tone(2))
    _overwrite_sound(path, 40, 50)
    sound = np.concatenate(list(decode_sound(path, 0.0)), axis=1)
    assert rms(sound[:, : RATE // 2]) == pytest.approx(-15, abs=1)
    assert rms(sound[:, 43 * 1024 : 47 * 1024]) < -40
    assert rms(sound[:, RATE * 3 // 2 : RATE * 19 // 10]) == pytest.approx(-15, abs=1)
    assert sound.shape[1] == pytest.approx(2 * RATE, abs=2100)


def test_sound_that_changes_its_kind_goes_on(tmp_path: Path) -> None:
    """A file that goes on in another rate and with other channels is heard to its end."""
    one = write_sound(tmp_path / "one.mp3", tone(1, rate=44_100), "libmp3lame", rate=44_100)
    other = write_sound(tmp_path / "2.mp3", tone(1, channels=1, rate=32_000), "libmp3lame", rate=32_000, layout="mono")
    both = tmp_path / "both.mp3"
    both.write_bytes(one.read_bytes() + other.read_bytes())
    sound = np.concatenate(list(decode_sound(both)), axis=1)
    assert sound.shape[1] == pytest.approx(2 * RATE, abs=8000)
    assert rms(sound[:, 4800:43_200]) == pytest.approx(-15, abs=1)
    assert rms(sound[:, 60_000:86_400]) == pytest.approx(-18, abs=1)


def test_music_that_is_deleted_while_it_is_used_is_told(tmp_path: Path) -> None:
    """Music that was there when it was checked, and is gone when it is played, is an error of the same kind."""
    path = write_sound(tmp_path / "music.wav", tone(1))
    film = FilmSound([], Fraction(2), path)
    path.unlink()
    with pytest.raises(InvalidRequest, match="music: there is no file"):
        list(film.blocks())


def test_music_that_becomes_mute_is_told(tmp_path: Path) -> None:
    """Music that is overwritten by a video without sound is an error, and not waited for without end."""
    path = write_sound(tmp_path / "music.wav", tone(1))
    film = FilmSound([], Fraction(2), path)
    mute(path)
    with pytest.raises(InvalidRequest, match=r"music: music.wav cannot be used: it has no sound in it"):
        list(film.blocks())


def test_parts_are_opened_when_they_are_heard_and_closed_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film of many parts has no more files open than are heard in a second."""
    path = write_sound(tmp_path / "part.wav", tone(2))
    held: list[str] = []
    opened: list[str] = []
    real_open = av.open

    @contextmanager
    def noted(name: str, *arguments: Any, **options: Any) -> Iterator[Any]:
        with real_open(name, *arguments, **options) as container:
            held.append(name)
            opened.append(name)
            try:
                yield container
            finally:
                held.remove(name)

    monkeypatch.setattr(av, "open", noted)
    half = Fraction(1, 2)
    parts = [
        SoundPart(path=path, at=Fraction(3 * number, 2), length=Fraction(2), fade_in=half, fade_out=half)
        for number in range(8)
    ]
    for _ in FilmSound(parts, Fraction(25, 2)).blocks():
        assert len(held) <= 2
    assert len(opened) == 8


def _overwrite_sound(path: Path, first: int, last: int) -> None:
    """Put bytes that no decoder takes in the place of some packets of sound."""
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(audio=0) if packet.size]
    data = bytearray(path.read_bytes())
    for position, size in places[first:last]:
        data[position : position + size] = b"\xff" * size
    path.write_bytes(data)
