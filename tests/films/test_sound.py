"""The sound of a film: how long it is, where its parts are, how they are joined, and how loud all of it is."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from luma_jupyter.films.making import plan_film
from luma_jupyter.films.sound import FilmSound
from luma_jupyter.films.spec import FilmPart, FilmSpec, SoundPart
from tests.support.sounds import (
    RATE,
    Sound,
    metered,
    noise,
    rms,
    silence,
    strength,
    tone,
    write_film,
    write_sound,
)

HALF = Fraction(1, 2)


def part(path: Path | None, at: Fraction | int = 0, length: Fraction | int = 1, **more: object) -> SoundPart:
    """A part of a film."""
    return SoundPart(path=path, at=Fraction(at), length=Fraction(length), **more)  # type: ignore[arg-type]


def heard(parts: Sequence[SoundPart], length: Fraction | int, **more: Path) -> Sound:
    """All that a film sounds like."""
    return np.concatenate(list(FilmSound(parts, Fraction(length), **more).blocks()), axis=1)


def seconds(sound: Sound, begin: float, end: float) -> Sound:
    """A stretch of a sound."""
    return sound[:, round(begin * RATE) : round(end * RATE)]


# Length and place.


@pytest.mark.parametrize("with_music", [False, True], ids=["parts", "with music"])
def test_blocks_are_seconds_and_together_the_length_of_the_film(tmp_path: Path, with_music: bool) -> None:
    """The blocks are float32 of a second each, and in all there are as many samples as the film's length says."""
    music = write_sound(tmp_path / "music.wav", tone(0.9)) if with_music else None
    parts = [part(write_sound(tmp_path / "part.wav", tone(3)), HALF, 1)]
    blocks = list(FilmSound(parts, Fraction(7, 3), music).blocks())
    assert [block.shape for block in blocks] == [(2, RATE), (2, RATE), (2, RATE // 3)]
    assert {block.dtype for block in blocks} == {np.dtype(np.float32)}


def test_parts_are_heard_sample_by_sample_where_they_are(tmp_path: Path) -> None:
    """Parts at 48 kHz come out as they are, each at the sample that its time says, cut or filled up with silence."""
    one, other = noise(1, seed=1), noise(1, seed=2)
    parts = [
        part(write_sound(tmp_path / "one.wav", one), 0, Fraction(1, 3), start=0.25),
        part(write_sound(tmp_path / "other.wav", other), Fraction(1, 3), Fraction(4, 3)),
    ]
    sound = heard(parts, 2)
    third = RATE // 3
    assert np.array_equal(sound[:, :third], one[:, RATE // 4 : RATE // 4 + third])
    assert np.array_equal(sound[:, third : third + RATE], other)
    assert not sound[:, third + RATE :].any()


def test_parts_without_sound_are_silent(tmp_path: Path) -> None:
    """A picture, and a film without a sound track, are silent for as long as they last."""
    mute = write_film(tmp_path / "mute.mp4", [50] * 10)
    loud = write_sound(tmp_path / "loud.wav", tone(1))
    sound = heard([part(None), part(mute, 1), part(loud, 2)], 3)
    assert not seconds(sound, 0, 2).any()
    assert rms(seconds(sound, 2, 3)) == pytest.approx(-15, abs=0.1)


def test_sound_that_begins_late_in_its_film_stays_late(tmp_path: Path) -> None:
    """What a film's own sound track begins with is where it was in that film, to a thousandth of a second."""
    film = write_film(tmp_path / "late.mp4", [50] * 10, tone(0.5), late=0.4)
    sound = heard([part(film)], 1)
    assert rms(seconds(sound, 0, 0.37)) < -60
    assert rms(seconds(sound, 0.42, 0.85)) == pytest.approx(-15, abs=1)


def test_sound_of_a_film_whose_picture_begins_late_is_in_step_with_it(tmp_path: Path) -> None:
    """What is heard half a second after the first picture is so in the film, too."""
    path = write_film(tmp_path / "late.mp4", [50] * 10, tone(0.3), late=1.0, begin=0.5)
    (place,) = plan_film(FilmSpec(parts=(FilmPart(path=path, label="late"),))).places
    sound = heard([place.sound], 1)
    assert place.source.start == Fraction(1, 2)
    assert rms(seconds(sound, 0, 0.47)) < -60
    assert rms(seconds(sound, 0.52, 0.75)) == pytest.approx(-15, abs=1)


def test_a_start_in_the_middle_gives_what_is_there(tmp_path: Path) -> None:
    """A part that begins in the middle of an AAC track sounds as that track does from there on."""
    moments = np.arange(4 * RATE) / RATE
    chirp = 0.2 * np.sin(2 * np.pi * (200 + 200 * moments) * moments)
    film = write_film(tmp_path / "film.mp4", [50] * 40, np.stack([chirp, chirp]))
    whole, cut = heard([part(film, 0, 4)], 4), heard([part(film, 0, 1, start=2.345)], 1)
    assert rms(cut - seconds(whole, 2.345, 3.345)) < rms(cut) - 40


def test_equal_parts_are_cross_faded_at_equal_power(tmp_path: Path) -> None:
    """Through a cross-fade of two noises, the strength stays what it was; it begins and ends where it should."""
    one, other = write_sound(tmp_path / "one.wav", noise(2, seed=1)), write_sound(tmp_path / "2.wav", noise(2, seed=2))
    sound = heard([part(one, 0, 2, fade_out=HALF), part(other, Fraction(3, 2), 2, fade_in=HALF)], Fraction(7, 2))
    assert np.array_equal(seconds(sound, 0, 1.5), noise(2, seed=1)[:, : RATE * 3 // 2])
    assert np.array_equal(seconds(sound, 2, 3.5), noise(2, seed=2)[:, RATE // 2 :])
    for begin in (1.5, 1.6, 1.7, 1.8, 1.9):
        assert rms(seconds(sound, begin, begin + 0.1)) == pytest.approx(-20, abs=0.3)


@pytest.mark.parametrize("speed", [0.3, 0.5, 1.5, 2.0, 5.0])
def test_speed_keeps_the_pitch_to_the_end(tmp_path: Path, speed: float) -> None:
    """A part that is faster or slower sounds at the same pitch and strength, and does so up to its end."""
    file = write_sound(tmp_path / "tone.wav", tone(1.2))
    length = Fraction(1.2 / speed).limit_denominator(1000)
    sound = heard([part(file, 0, length, speed=speed)], length)
    assert sound.shape[1] == round(length * RATE)
    middle = sound[:, 2000:-4000]
    assert strength(middle, 440) == pytest.approx(strength(tone(1), 440), abs=1.5)
    assert rms(sound[:, -4000:-1000]) > -22


# Kinds of files.

KINDS = {
    "mono.wav": {"codec": "pcm_s16le", "layout": "mono"},
    "8 bits.wav": {"codec": "pcm_u8", "rate": 22_050},
    "24 bits.wav": {"codec": "pcm_s24le", "rate": 96_000},
    "surround.wav": {"codec": "pcm_f32le", "layout": "5.1"},
    "phone.m4a": {"codec": "aac", "rate": 44_100, "layout": "mono"},
    "song.mp3": {"codec": "libmp3lame", "rate": 44_100},
    "voice.ogg": {"codec": "libopus"},
    "song.flac": {"codec": "flac", "rate": 44_100},
    "a:b %d 日本.wav": {"codec": "pcm_f64le"},
}
CHANNELS = {"mono": 1, "5.1": 6}


@pytest.mark.parametrize("name", KINDS)
def test_all_kinds_of_sound_are_brought_together(tmp_path: Path, name: str) -> None:
    """Whatever rate, layout, sample format and codec: it is heard in time, and as loud as its channels together."""
    kind = {"rate": RATE, "layout": "stereo", **KINDS[name]}
    channels = CHANNELS.get(str(kind["layout"]), 2)
    sound = tone(1.5, channels=channels, rate=kind["rate"])  # type: ignore[arg-type]
    if channels == 6:
        sound[2:] = 0  # each downmix weighs the middle and the rear in a way of its own
    sound = heard([part(write_sound(tmp_path / name, sound, **kind), 0, 1)], 1)  # type: ignore[arg-type]
    expected = metered(tone(1))["loudness"] - (10 * np.log10(2) if channels == 1 else 0)
    assert metered(sound)["loudness"] == pytest.approx(expected, abs=0.6)
    assert rms(sound[:, : RATE // 10]) > -21


# Loudness.


def test_a_plain_join_leaves_the_loudness_alone(tmp_path: Path) -> None:
    """Without music and voice, a quiet part stays quiet and a loud one loud."""
    quiet, loud = write_sound(tmp_path / "q.wav", noise(1, 0.005)), write_sound(tmp_path / "l.wav", noise(1, 0.3))
    sound = heard([part(quiet), part(loud, 1)], 2)
    for begin, original in ((0, noise(1, 0.005)), (1, noise(1, 0.3))):
        stretch = seconds(sound, begin, begin + 1)
        assert metered(stretch)["loudness"] == pytest.approx(metered(original)["loudness"], abs=0.1)


@pytest.mark.parametrize("level", [0.001, 0.02, 0.5])
def test_music_and_voice_make_a_film_of_16_lufs(tmp_path: Path, level: float) -> None:
    """However loud its files are, a film with music has -16 LUFS, one with a voice too, and one with both."""
    music, voice = (
        write_sound(tmp_path / "m.wav", noise(2, level)),
        write_sound(tmp_path / "v.wav", tone(2, 300, 0.6 - level)),
    )
    own = part(write_sound(tmp_path / "own.wav", tone(1, 1000, 0.05)), 1, 1)
    for more in ({"music": music}, {"voice": voice}, {"music": music, "voice": voice}):
        assert metered(heard([own], 3, **more))["loudness"] == pytest.approx(-16, abs=0.5)


def test_peaks_are_limited_and_the_loudness_reached_all_the_same(tmp_path: Path) -> None:
    """A voice of short peaks comes to -16 LUFS with true peaks below -1 dB."""
    words = noise(3, 0.02)
    words[:, :: RATE // 4] = 1
    words[:, 100 :: RATE // 4] = -1
    measured = metered(heard([], 3, voice=write_sound(tmp_path / "voice.wav", words)))
    assert measured["loudness"] == pytest.approx(-16, abs=1)
    assert measured["peak"] < -1


def test_peaks_are_limited_where_the_loudness_cannot_be_reached(tmp_path: Path) -> None:
    """Single clicks cannot be as loud as a voice; they are made louder, up to the limit of peaks."""
    clicks = silence(2)
    clicks[:, RATE // 2 :: RATE // 2] = 0.2
    measured = metered(heard([], 2, voice=write_sound(tmp_path / "voice.wav", clicks)))
    assert measured["loudness"] < -17
    assert -12 < measured["peak"] < -1


@pytest.mark.parametrize("name", ["music", "voice"])
def test_silence_stays_silent(tmp_path: Path, name: str) -> None:
    """A silent file, and a film that is too short to be measured, are not made louder."""
    silent = write_sound(tmp_path / "silent.wav", silence(1))
    assert not heard([], 1, **{name: silent}).any()
    brief = heard([], Fraction(3, 10), **{name: write_sound(tmp_path / "tone.wav", tone(1, level=0.01))})
    assert 0.005 < np.abs(brief).max() <= 0.0101


def test_music_is_repeated_and_faded_out_at_the_end(tmp_path: Path) -> None:
    """Music that is shorter than the film begins again, and is silent when the film ends."""
    sound = heard([], 6, music=write_sound(tmp_path / "music.wav", tone(1)))
    strengths = [rms(seconds(sound, at, at + 0.25)) for at in np.arange(0, 6, 0.25)]
    assert max(strengths[:16]) - min(strengths[:16]) < 0.5
    assert strengths[16:] == sorted(strengths[16:], reverse=True)
    assert strengths[-1] < strengths[0] - 14
    assert np.abs(sound[:, -1]).max() < 0.001


def test_voice_is_heard_once(tmp_path: Path) -> None:
    """A voice begins with the film, and is not repeated; a longer one ends with the film."""
    voice = write_sound(tmp_path / "voice.wav", tone(1.5))
    sound = heard([], 3, voice=voice)
    assert rms(seconds(sound, 0, 1.4)) > -20
    assert rms(seconds(sound, 1.6, 3)) < -80
    assert rms(heard([], 1, voice=voice)[:, -1000:]) > -20


def test_music_is_lower_under_voice_and_under_the_parts(tmp_path: Path) -> None:
    """Where there is voice, or sound of a part, the music is clearly lower; soon after it, as loud as before."""
    music = write_sound(tmp_path / "music.wav", tone(1, 1000))
    voice = write_sound(tmp_path / "voice.wav", np.concatenate([silence(2), tone(1.5, 300)], axis=1))
    own = part(write_sound(tmp_path / "own.wav", tone(1.5, 200)), 6, Fraction(3, 2))
    sound = heard([own], 11, music=music, voice=voice)
    alone, under_voice, between, under_part = (
        strength(seconds(sound, begin, begin + 0.8), 1000) for begin in (1, 2.5, 5, 6.5)
    )
    assert under_voice < alone - 8
    assert under_part < alone - 8
    assert between == pytest.approx(alone, abs=1)
    assert strength(seconds(sound, 2.5, 3.3), 300) > under_voice + 8


def test_a_quiet_background_leaves_the_music_alone(tmp_path: Path) -> None:
    """Sound of a part at -40 dB is no reason to turn the music down."""
    music = write_sound(tmp_path / "music.wav", tone(1, 1000))
    own = part(write_sound(tmp_path / "own.wav", tone(2, 200, 0.01)), 2, 2)
    sound = heard([own], 7, music=music)
    assert strength(seconds(sound, 3, 3.8), 1000) == pytest.approx(strength(seconds(sound, 1, 1.8), 1000), abs=0.5)


# Progress.


def test_measuring_is_told_and_can_be_ended(tmp_path: Path) -> None:
    """How much is measured grows to 1 before the first block comes; what the listener raises ends the making."""
    music = write_sound(tmp_path / "music.wav", tone(1))
    told: list[float] = []
    next(FilmSound([], Fraction(3), music).blocks(told.append))
    assert told == sorted(told)
    assert told[-1] == 1

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(FilmSound([], Fraction(3), music).blocks(stop))


def test_parts_alone_are_not_measured(tmp_path: Path) -> None:
    """A film without music and voice is made in one pass, of which nothing is told."""
    told: list[float] = []
    list(FilmSound([part(write_sound(tmp_path / "part.wav", tone(1)))], Fraction(1)).blocks(told.append))
    assert told == []
