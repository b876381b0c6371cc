"""How loud a sound is: EBU R128, integrated, as ITU-R BS.1770-5 measures it.

FFmpeg's own meter takes four times as long, and PyAV hands on what it finds from 18.1 on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from luma_jupyter.films.sound_files import RATE, Samples
from luma_jupyter.films.sound_filters import through

SILENCE = -70.0  # LUFS: what is measured where there is nothing above it, or less than 0.4 s
# How the ear hears it: tables 1 and 2 of annex 1, which are for 48 kHz.
_K_WEIGHTING = (
    ("biquad", "b0=1.53512485958697:b1=-2.69169618940638:b2=1.19839281085285"
     ":a0=1:a1=-1.69065929318241:a2=0.73248077421585:precision=f64"),
    ("biquad", "b0=1:b1=-2:b2=1:a0=1:a1=-1.99004745483398:a2=0.99007225036621:precision=f64"),
)  # fmt: skip
_STEP = RATE // 10  # samples from one gating block to the next
_STEPS = 4  # which a gating block has
_RELATIVE_GATE = -10.0  # LU


def measure(blocks: Iterable[Samples]) -> tuple[float, float]:
    """The loudness of a sound in LUFS, `SILENCE` at least; and its highest sample."""
    peak = 0.0
    energies: list[NDArray[np.float64]] = []

    def seen(block: Samples) -> Samples:
        nonlocal peak
        peak = max(peak, float(np.abs(block).max(initial=0)))
        return block

    left = np.zeros((2, 0), np.float32)
    for weighted in through(map(seen, blocks), *_K_WEIGHTING):
        left = np.concatenate((left, weighted), axis=1)
        whole = left.shape[1] // _STEP
        steps = left[:, : whole * _STEP].reshape(2, whole, _STEP).astype(np.float64)
        energies.append((steps**2).mean(axis=2).sum(axis=0))
        left = left[:, whole * _STEP :]
    return _gated(np.concatenate(energies)) if energies else SILENCE, peak


def decibels(level: float) -> float:
    """The factor that so many decibels are."""
    return float(10 ** (level / 20))


def _gated(steps: NDArray[np.float64]) -> float:
    """The loudness of what has so much energy in each step: of its blocks, those that are not far below the others."""
    if len(steps) < _STEPS:
        return SILENCE
    blocks = np.convolve(steps, np.full(_STEPS, 1 / _STEPS), mode="valid")
    loud = blocks[blocks > _energy(SILENCE)]
    if not len(loud):
        return SILENCE
    gate = loud.mean() * 10 ** (_RELATIVE_GATE / 10)
    return _loudness(float(loud[loud > gate].mean()))


def _loudness(energy: float) -> float:
    return -0.691 + 10 * math.log10(energy)


def _energy(loudness: float) -> float:
    return float(10 ** ((loudness + 0.691) / 10))
