"""Loudness is what FFmpeg's own meter of EBU R128 finds."""

from __future__ import annotations

import numpy as np
import pytest

from luma_jupyter.films.loudness import SILENCE, measure
from tests.support.sounds import RATE, Sound, metered, noise, silence, tone

SOUNDS = {
    "a tone": tone(2),
    "a low tone": tone(2, 60, 0.5),
    "a high, quiet tone": tone(2, 9000, 0.01),
    "noise": noise(2),
    "loud, nearly silent, quiet": np.concatenate([tone(1), tone(2, level=0.0005), tone(1, 1000, 0.05)], axis=1),
    "on one side": tone(2) * np.array([[1], [0]], np.float32),
}


@pytest.mark.parametrize("sound", SOUNDS.values(), ids=SOUNDS.keys())
@pytest.mark.parametrize("block", [RATE, 1001])
def test_loudness_is_that_of_a_meter(sound: Sound, block: int) -> None:
    """The integrated loudness is the meter's within a twentieth of a unit, whatever blocks the sound comes in."""
    loudness, peak = measure(sound[:, at : at + block] for at in range(0, sound.shape[1], block))
    assert loudness == pytest.approx(metered(sound)["loudness"], abs=0.05)
    assert peak == pytest.approx(float(np.abs(sound).max()))


@pytest.mark.parametrize("sound", [silence(1), tone(0.39), noise(2, 1e-6)], ids=["silence", "too short", "below all"])
def test_silence_is_as_low_as_it_gets(sound: Sound) -> None:
    """Silence, what is below -70 LUFS, and what is shorter than 0.4 s, count as silent."""
    assert measure([sound])[0] == SILENCE
    assert measure([])[0] == SILENCE
