"""Parts that are larger and longer than shots are: 8K, three hours, many of them; and how much memory they take."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.films import frames
from luma_jupyter.films.making import make_film, plan_film
from luma_jupyter.films.spec import FilmSpec
from tests.support.shots import BLUE, GREEN, RED, WHITE, film, is_near, part, shot

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def three_hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of three hours, copied from a minute."""
    folder = tmp_path_factory.mktemp("hours")
    minute = shot(folder / "minute.mp4", GREEN, 1440, options={"x264-params": "keyint=48"})
    end = shot(folder / "end.mp4", BLUE, 1440, options={"x264-params": "keyint=48"})
    begun = time.monotonic()
    plan = plan_film(FilmSpec(parts=(*[part(minute)] * 179, part(end))))
    make_film(plan, folder / "hours.mp4", lambda share: None)
    assert plan.encoded is None
    assert plan.length == 3 * 3600
    assert time.monotonic() - begun < 60
    return folder / "hours.mp4"


def test_end_of_three_hours_is_found_at_once(
    three_hours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cut near the end is decoded from there, not from the beginning."""
    decoded, times = frames._decoded, []

    def note(*arguments: Any) -> Iterator[Any]:
        for at, frame in decoded(*arguments):
            times.append(at)
            yield at, frame

    monkeypatch.setattr(frames, "_decoded", note)
    _, shown = film(tmp_path / "film.mp4", part(three_hours, start=3 * 3600 - 61.0, end=3 * 3600 - 59.5))
    assert 36 <= len(times) < 200
    assert len(shown.times) == 36
    assert is_near(shown.colour(23), GREEN)
    assert is_near(shown.colour(24), BLUE)


def test_8k_becomes_4k_where_it_is_encoded(tmp_path: Path) -> None:
    """A size that nobody asked for is no larger than players take; copied, it stays what it is."""
    path = shot(tmp_path / "large.mp4", WHITE, 3, size=(7680, 4320))
    plan, shown = film(tmp_path / "cut.mp4", part(path, end=0.05))
    assert plan.size == (3840, 2160)
    assert is_near(shown.colour(0), WHITE)
    assert film(tmp_path / "copy.mp4", part(path))[0].size == (7680, 4320)


PEAK = """
import resource, sys
from pathlib import Path
from tests.support.shots import BLUE, RED, film, part, shot
folder, count = Path(sys.argv[1]), int(sys.argv[2])
paths = [folder / "0.mp4", folder / "1.mp4"]
film(folder / f"film{count}.mp4", *[part(path) for path in paths * (count // 2)], fade=0.25)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems count memory otherwise")
def test_memory_does_not_grow_with_the_number_of_shots(tmp_path: Path) -> None:
    """Ten times as many shots with as many fades need hardly more memory."""
    for number, colour in enumerate((RED, BLUE)):
        shot(tmp_path / f"{number}.mp4", colour, 12, size=(320, 180))
    peaks = []
    for count in (12, 120):
        command = [sys.executable, "-c", PEAK, str(tmp_path), str(count)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 60_000  # kB; the test itself holds all frames that it decodes: 130 MB / 10
