"""How long tasks take in the benchmarks, in seconds."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

Draw = Callable[[random.Random], float]
HISTORY = 20  # ended tasks that a client with history has seen


def wide(rng: random.Random) -> float:
    """What the services' documentation says."""
    return rng.uniform(30, 120)


def narrow(rng: random.Random) -> float:
    """A service that always takes about as long."""
    return rng.gauss(75, 8)


def bimodal(rng: random.Random) -> float:
    """Two kinds of tasks."""
    return rng.gauss(40, 4) if rng.random() < 0.5 else rng.gauss(110, 8)


def drifting(rng: random.Random, number: int = 0) -> float:
    """A service that gets slower and faster again, over some hundred tasks."""
    return rng.gauss(75 + 30 * math.sin(number / 40), 8)


LAWS: dict[str, Draw] = {
    "uniform, 30 to 120 s": wide,
    "normal, 75 s, sigma 8 s": narrow,
    "log-normal, median 60 s": lambda rng: 60 * math.exp(rng.gauss(0, 0.4)),
    "bimodal, 40 and 110 s": bimodal,
    "heavy tail, from 30 s": lambda rng: min(30 * rng.paretovariate(1.5), 850.0),
}
