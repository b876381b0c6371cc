"""A quiet sound for a film: a low chord, and what wind, rain or waves sound like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from luma_jupyter.demo.palette import Look
from luma_jupyter.video.codec import SOUND_RATE

LOUDNESS = 0.045  # of what is possible, on average: one can speak over it
CHORDS = ((0, 7, 12, 16), (0, 7, 12, 15), (0, 5, 12, 17), (0, 7, 14, 16))  # half tones
ROOT = 110.0  # Hz
FADE = 0.15  # seconds
# How much of a kind of noise there is, how low it is (samples that are taken together), and how often it swells.
NOISES = {
    "rain": (0.6, 2, 0.0),
    "storm": (1.0, 5, 0.4),
    "wind": (0.8, 24, 0.3),
    "snow": (0.3, 40, 0.2),
    "fog": (0.25, 60, 0.1),
    "embers": (0.35, 12, 0.8),
}
WAVES = (0.7, 14, 0.25)


def sound(look: Look, seconds: float) -> NDArray[np.float32]:
    """The sound of a look, -1..1: so many seconds at `SOUND_RATE`, on one channel."""
    count = round(seconds * SOUND_RATE)
    rng = np.random.default_rng(look.seed + 2)
    t = np.arange(count, dtype=np.float32) / SOUND_RATE
    root = ROOT * 2 ** (look.seed % 5 / 12) * (0.75 if look.is_dark else 1.0)
    track = np.zeros(count, np.float32)
    for step, loud in zip(CHORDS[look.seed // 5 % len(CHORDS)], (1.0, 0.6, 0.5, 0.35), strict=True):
        swell = 0.7 + 0.3 * np.sin(2 * np.pi * (0.11 + 0.03 * step / 12) * t + step)
        track += loud * swell * np.sin(2 * np.pi * root * 2 ** (step / 12) * t)
    noises = [NOISES[kind] for kind in sorted(look.air & NOISES.keys())]
    for loud, width, often in [*noises, *([WAVES] if look.skyline == "waves" else [])]:
        track += loud * 2 * _noise(rng, count, width) * (0.6 + 0.4 * np.sin(2 * np.pi * often * t))
    track *= LOUDNESS / max(float(np.sqrt(np.mean(track**2))), 1e-6)
    edge = min(round(FADE * SOUND_RATE), count // 2)
    fade = np.linspace(0, 1, edge, dtype=np.float32)
    track[:edge] *= fade
    track[count - edge :] *= fade[::-1]
    return track


def _noise(rng: np.random.Generator, count: int, width: int) -> NDArray[np.float32]:
    """Noise without what is higher than so many samples tell."""
    raw = rng.standard_normal(count // width + 2).astype(np.float32)
    places = np.arange(count, dtype=np.float32) / width
    return np.interp(places, np.arange(len(raw)), raw).astype(np.float32)
