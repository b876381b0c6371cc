"""Films of any parts: as long as these less the fades, in steps of a frame, and the same bytes when made again."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luma_jupyter.films.making import make_film, plan_film
from luma_jupyter.films.spec import FilmPart, FilmSpec
from tests.support.shots import BLUE, GREEN, RED, WHITE, Shown, animation, part, picture, shot

SIXTY = Fraction(60_000, 1001)


@dataclass(frozen=True)
class File:
    """A file that parts are made of, and how long it is; None for a still picture."""

    path: Path
    length: Fraction | None


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[File]:
    """Files of many kinds."""
    folder = tmp_path_factory.mktemp("files")
    slow = {"preset": "medium"}
    return [
        File(shot(folder / "plain.mp4", RED, 12), Fraction(12, 24)),
        File(shot(folder / "equal.mp4", BLUE, 7), Fraction(7, 24)),
        File(shot(folder / "sound.mp4", GREEN, 15, sound=True), Fraction(15, 24)),
        File(shot(folder / "other.mp4", WHITE, 9, options=slow), Fraction(9, 24)),
        File(shot(folder / "small.mp4", RED, 10, size=(32, 32), rate=30), Fraction(10, 30)),
        File(shot(folder / "sixty.mp4", BLUE, 20, rate=SIXTY, options=slow), 20 / SIXTY),
        File(shot(folder / "tall.mkv", GREEN, 12, size=(20, 40), rate=25, options=slow), Fraction(12, 25)),
        File(shot(folder / "nine.webm", RED, 5, codec="libvpx-vp9"), Fraction(5, 24)),
        File(shot(folder / "one.mp4", WHITE, 1), Fraction(1, 24)),
        File(animation(folder / "loop.gif"), Fraction(1, 2)),
        File(picture(folder / "still.png", BLUE, (50, 21)), None),
    ]


def parts(files: list[File]) -> st.SearchStrategy[FilmPart]:
    """Any part of any file."""
    return st.builds(
        _part,
        st.sampled_from(files),
        st.sampled_from([0.0, 0.0, 0.1, 0.125]),
        st.sampled_from([1.0, 1.0, 0.5, 2.0, 1.3]),
        st.sampled_from([None, None, "1:1", "9:16"]),
        st.sampled_from([None, None, "Night"]),
        st.sampled_from([0.25, 0.1, 1 / 3]),
    )


def _part(file: File, start: float, speed: float, crop: str | None, title: str | None, seconds: float) -> FilmPart:
    if file.length is None:
        return part(file.path, seconds=seconds, title=title)
    start = start if start < file.length else 0.0
    return part(file.path, start=start, speed=speed, crop=crop, title=title)


def length_of(one: FilmPart, files: list[File]) -> Fraction:
    """How long a part is, in seconds."""
    length = next(file.length for file in files if file.path == one.path)
    if length is None:
        return Fraction(str(one.seconds))
    return (length - Fraction(str(one.start))) / Fraction(str(one.speed))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), fade=st.sampled_from([0.0, 0.0, 0.1, 0.25, 3.0]))
def test_any_film_is_as_long_as_its_parts_less_the_fades(
    files: list[File], tmp_path: Path, data: st.DataObject, fade: float
) -> None:
    """Within a frame; its times are those of a constant frame rate; and a second one has the same bytes."""
    chosen = tuple(data.draw(st.lists(parts(files), min_size=1, max_size=4)))
    plan = plan_film(FilmSpec(parts=chosen, fade=fade))
    one, other = tmp_path / "one.mp4", tmp_path / "other.mp4"
    make_film(plan, one, lambda share: None)
    make_film(plan_film(plan.spec), other, lambda share: None)
    assert one.read_bytes() == other.read_bytes()

    lengths = [max(length_of(part, files), 1 / plan.rate) for part in chosen]
    fades = [min(Fraction(str(fade)), one / 2, other / 2) for one, other in pairwise(lengths)]
    wanted = sum(lengths) - sum(fades)
    shown = Shown.of(one)
    assert abs(plan.length - wanted) <= 1 / plan.rate
    assert abs(shown.length - wanted) <= 1 / plan.rate
    assert [round(time * plan.rate) for time in shown.times] == list(range(len(shown.times)))
    assert len(shown.times) == round(shown.length * plan.rate)
    assert all(before < after for before, after in pairwise(decoded for decoded, _ in shown.packets))
    assert all(decoded <= seen for decoded, seen in shown.packets)
    if plan.has_sound:
        assert 0 <= shown.samples - round(plan.length * 48_000) <= 2048
