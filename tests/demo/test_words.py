"""Words: what a prompt says by them, in both languages, and what films become of it."""

import numpy as np
import pytest

from luma_jupyter.demo.palette import MOODS, Look
from luma_jupyter.demo.shot import Shot
from luma_jupyter.demo.words import WORDS, Direction
from luma_jupyter.domain import prompt_words
from luma_jupyter.domain.prompt_words import Word

SMALL = (160, 90)
LEAST = 4.0  # of 255, on average: by so much each word changes a film


def moments(prompt: str) -> np.ndarray:
    """Some frames of a prompt's film."""
    shot = Shot(prompt, Look.of(prompt), SMALL)
    return np.stack([shot.frame(t) for t in (0.1, 0.4, 0.7, 1.0)]).astype(float)


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.name)
def test_each_word_is_understood_in_both_languages(word: Word) -> None:
    """Every word and phrase of the table says what it stands for, within a sentence, in capitals and in the plural."""
    for phrase in word.english.split(", "):
        assert word in Direction.of(f"Two foxes, {phrase.upper()}, far away").words
    for phrase in word.chinese.split("、"):
        assert word in Direction.of(f"两只狐狸{phrase}").words


@pytest.mark.parametrize("word", WORDS, ids=lambda word: word.name)
def test_each_word_changes_the_film(word: Word) -> None:
    """A film with the word differs from the one without, and both languages make the same of it."""
    base = "Two foxes, pan left" if word.name == "static" or word.kind == "pace" else "Two foxes, static"
    word_in = word.english.split(", ")[0]
    changed = moments(f"Two foxes, {word_in}" if word.kind == "camera" else f"{base}, {word_in}")
    assert np.abs(changed - moments(base)).mean() > LEAST
    chinese = word.chinese.split("、")[0]
    same = moments(f"Two foxes, {chinese}" if word.kind == "camera" else f"{base}, {chinese}")
    assert np.array_equal(same, changed)


def test_one_word_more_changes_what_it_says_and_nothing_else() -> None:
    """Prompts that differ in such words alone have the same ridges, the same sun and the same camera."""
    one, other = Look.of("A fox in the snow"), Look.of("a fox at night")
    assert (one.seed, one.moves, one.skyline) == (other.seed, other.moves, other.skyline)
    assert one.seed != Look.of("A wolf in the snow").seed


def test_words_are_whole_words() -> None:
    """ "A season of stars" is a night, not the sea; words of two moods mix their colours."""
    assert [word.name for word in Direction.of("A season of stars").words] == ["night"]
    fog, both = Look.of("fog"), Look.of("fog at sunset")
    assert not np.array_equal(fog.horizon, both.horizon)
    assert both.air == {"fog"}


def test_every_look_of_a_word_is_drawn() -> None:
    """What is in the air and at the horizon is something that films can show: no frame is like another's."""
    frames = [moments(f"it is {name}, static")[1] for name in MOODS]
    for number, frame in enumerate(frames):
        assert all(np.abs(frame - other).mean() > 1 for other in frames[:number])


def test_moves_of_the_camera_go_where_they_say() -> None:
    """The camera goes left where it pans left, up where it tilts up, nearer in a dolly in, and nowhere if static."""

    def moved(prompt: str) -> tuple[float, float, float]:
        shot = Shot(prompt, Look.of(prompt), SMALL)
        pose = shot.camera.pose(1.0)
        return pose.x, pose.y, pose.zoom

    assert moved("A fox, pan left")[0] < 0 < moved("A fox, pan right")[0]
    assert moved("A fox, tilt up")[1] < 0 < moved("A fox, tilt down")[1]
    assert moved("A fox, dolly out")[2] < 1 < moved("A fox, dolly in")[2]
    assert moved("A fox, static") == (0.0, 0.0, 1.0)
    assert abs(moved("A fox, pan left, slow motion")[0]) < abs(moved("A fox, pan left")[0])


@pytest.mark.parametrize("prompt", ["Two foxes", "a stormy sea", "autumn leaves, handheld", "a city at night, orbit"])
def test_loop_closes(prompt: str) -> None:
    """In a loop, its end is its beginning, and its middle is not."""
    shot = Shot(prompt, Look.of(prompt), SMALL, loop=True)
    first, half, last = (shot.frame(t).astype(float) for t in (0.0, 0.5, 1.0))
    assert np.abs(first - last).mean() < 0.5 < np.abs(first - half).mean()


@pytest.mark.parametrize("word", [word for word in prompt_words.WORDS if not word.english], ids=lambda word: word.name)
def test_words_that_are_told_to_be_unknown_are(word: Word) -> None:
    """The demo service takes none of the services' words for another one of its own."""
    for name in (word.name, *word.chinese.split("、")):
        assert Direction.of(f"Two foxes, {name}, and more").words == ()
