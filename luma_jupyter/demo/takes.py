"""Takes: which look a film has, so that each take of a prompt, and each time it is made again, is another to look at.

The first take has the prompt's own look. For another one, looks are tried until one differs from those before it, as
small pictures: equal takes of equal prompts come out equal, whatever else was made, and in whatever order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from luma_jupyter.demo.palette import Look
from luma_jupyter.demo.shot import Shot

DIFFERENCE = 26.0  # of 255, on average: by so much looks differ
DARK_DIFFERENCE = 16.0  # where the prompt is dark
COMPARED = 8  # takes; nobody compares more, and so far apart they cannot all be
USUAL = 4  # takes; somebody who makes one again may have so many others beside it
TRIES = 40
SMALL = (160, 90)  # pixels
MOMENTS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Take:
    """Which take of a request it is, from 1, and how often that was made before."""

    number: int = 1
    again: int = 0

    @classmethod
    def parse(cls, text: str) -> Take:
        """Read ``2`` or ``2.1``; the first take where it is neither."""
        number, _, again = text.partition(".")
        if number.isdecimal() and (again or "0").isdecimal() and text.isascii() and len(text) < 16 and int(number):
            return cls(int(number), int(again or 0))
        return cls()


FIRST = Take()


@lru_cache(maxsize=4096)
def look_of(prompt: str, take: Take) -> Look:
    """The look of a take of a prompt."""
    if take == FIRST:
        return Look.of(prompt)
    first = TRIES * (take.number - 1 + 1000 * take.again)
    if take.number + take.again > COMPARED:
        return Look.of(prompt, first)
    before = [Take(number) for number in range(1, take.number)]
    if take.again:
        before = [Take(number) for number in range(1, max(take.number, USUAL) + 1)]
        before += [Take(take.number, again) for again in range(1, take.again)]
    enough = DARK_DIFFERENCE if Look.of(prompt).is_dark else DIFFERENCE
    others = [_small(prompt, look_of(prompt, other)) for other in before]
    best, most = Look.of(prompt, first), -1.0
    for number in range(first, first + TRIES):
        look = Look.of(prompt, number)
        small = _small(prompt, look)
        difference = min(float(np.abs(small - other).mean()) for other in others)
        if difference > enough:
            return look
        if difference > most:
            best, most = look, difference
    return best


@lru_cache(maxsize=256)
def _small(prompt: str, look: Look) -> NDArray[np.float32]:
    shot = Shot(prompt, look, SMALL)
    return np.stack([shot.frame(t) for t in MOMENTS]).astype(np.float32)
