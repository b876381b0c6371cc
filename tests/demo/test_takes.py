"""Takes: each is another film to look at, and the same when it is made again."""

from itertools import combinations

import numpy as np
import pytest

from luma_jupyter.demo.shot import Shot
from luma_jupyter.demo.takes import Take, look_of

SIZE = (320, 180)
DIFFERENT, DIFFERENT_IN_THE_DARK = 20, 12  # of 255, on average
PROMPTS = (
    *(
        "a calm lake",
        "A fox in the snow",
        "a forest",
        "a stormy sea",
        "fog over mountains",
        "two dancers",
        "雪中的狐狸",
    ),
    *("a desert at sunset, black and white", "a meadow in spring, watercolour, dolly in", "x"),
)
DARK = ("a city at night", "an astronaut in space", "a volcano at night")
TAKES = (Take(1), Take(2), Take(3), Take(4), Take(1, 1), Take(1, 2))


def film(prompt: str, take: Take) -> np.ndarray:
    """Some frames of a take."""
    shot = Shot(prompt, look_of(prompt, take), SIZE)
    return np.stack([shot.frame(t) for t in (0, 0.25, 0.5, 0.75, 1)]).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompt", "least"),
    [*((prompt, DIFFERENT) for prompt in PROMPTS), *((prompt, DIFFERENT_IN_THE_DARK) for prompt in DARK)],
)
def test_takes_differ_from_each_other(prompt: str, least: float) -> None:
    """Four takes of a prompt, and the first made again twice, are six films that one can tell apart at a glance."""
    films = [film(prompt, take) for take in TAKES]
    assert min(np.abs(one - other).mean() for one, other in combinations(films, 2)) > least


def test_take_is_the_same_when_it_is_made_again() -> None:
    """A take does not depend on what was made before it, and in which order."""
    look_of.cache_clear()
    late = film("a calm lake", Take(3))
    look_of.cache_clear()
    for take in TAKES:
        look_of("a calm lake", take)
    assert np.array_equal(late, film("a calm lake", Take(3)))


def test_later_takes_cost_no_more() -> None:
    """A very late take is found without all that come before it, and so is one that was made again so often."""
    look_of.cache_clear()
    looks = [look_of("a calm lake", take) for take in (Take(999), Take(998), Take(1, 500), Take(10**14))]
    assert look_of.cache_info().currsize == 4
    assert len({look.seed for look in looks}) == 4


@pytest.mark.parametrize(
    ("text", "take"),
    [
        *[("", Take()), ("1", Take()), ("2", Take(2)), ("2.1", Take(2, 1)), ("1.12", Take(1, 12))],
        *[(text, Take()) for text in ("0", "-1", "x", "2.x", "2.1.1", "٣.", " ", "9" * 40, "²")],
    ],
)
def test_take_is_read_from_its_name(text: str, take: Take) -> None:
    """A take is read as the client names it; what is no take is the first one."""
    assert Take.parse(text) == take
