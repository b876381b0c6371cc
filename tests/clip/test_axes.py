"""The axes of sheets: found from what differs, or as the user says."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from luma_jupyter.clip.axes import Axes, find_axes
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.errors import InvalidRequest
from tests.support.states import clip_state, film_state

BEASTS, RATIOS = ("fox", "cat", "owl"), ("16:9", "1:1")


def task(prompt: str = "A fox", **options: Any) -> Task:
    """A task that makes a video of a prompt."""
    return clip_state(request=GenerateRequest(prompt=prompt, **options)).task


def seen(axes: Axes) -> tuple[list[str], list[str], list[tuple[int, int]]]:
    """Labels of rows and columns, and the cells in the order of the clips."""
    return list(axes.down.labels), list(axes.across.labels), list(axes.cells)


BATCH = [task(f"A {beast}", aspect_ratio=ratio) for beast, ratio in product(BEASTS, RATIOS)]
CELLS = list(product(range(3), range(2)))


def test_a_grid_of_words_is_two_axes() -> None:
    """The first place in the prompt goes down, the second across; a missing clip leaves its cell."""
    tasks = [task(f"A {beast} in {weather}") for beast, weather in product(("fox", "cat"), ("snow", "rain"))]
    assert seen(find_axes(tasks)) == (["fox", "cat"], ["snow", "rain"], list(product(range(2), range(2))))
    assert seen(find_axes(tasks[1:])) == (["fox", "cat"], ["rain", "snow"], [(0, 0), (1, 1), (1, 0)])


def test_prompts_and_options_are_two_axes() -> None:
    """As a batch with a list of ratios makes them."""
    assert seen(find_axes(BATCH)) == (list(BEASTS), list(RATIOS), CELLS)


def test_takes_are_numbered() -> None:
    """By their own numbers; equal requests that were made again by their order."""
    takes = [task(beast, take=take) for beast in ("A fox", "A cat") for take in (1, 2, 3)]
    assert seen(find_axes(takes))[1] == ["take 1", "take 2", "take 3"]
    assert seen(find_axes(takes[1:3]))[:2] == ([""], ["take 2", "take 3"])
    assert seen(find_axes([task()] * 3)) == ([""], ["take 1", "take 2", "take 3"], [(0, 0), (0, 1), (0, 2)])


def test_more_than_two_differences_share_the_sides() -> None:
    """So that there are few rows and columns; a label names all of them."""
    tasks = [
        task(f"A {beast} in {weather}", take=take)
        for beast, weather, take in product(("fox", "cat"), ("snow", "rain"), (1, 2))
    ]
    down, across, _ = seen(find_axes(tasks))
    assert (down, across[0]) == (["fox", "cat"], "snow · take 1")
    assert find_axes(tasks).label(0) == "fox · snow · take 1"


def test_what_differs_together_is_one_label() -> None:
    """A row of a batch with its own ratio; places of a prompt are set apart by dots."""
    tasks = [task("A fox in snow", aspect_ratio="1:1"), task("A cat in rain", aspect_ratio="9:16")]
    assert seen(find_axes(tasks))[:2] == ([""], ["fox … snow · 1:1", "cat … rain · 9:16"])


def test_clips_that_fill_no_grid_are_one_axis() -> None:
    """All that differs is in their labels."""
    prompts = ("A fox at dawn", "A cat at noon", "A fox at night", "A ship on the sea")
    assert seen(find_axes([task(prompt) for prompt in prompts]))[0] == [""]
    assert seen(find_axes([task()]))[:2] == ([""], [""])


def test_each_option_has_words() -> None:
    """Loop, enhancement, frames, sources, watermarks, actions and services."""
    video = VideoRef(url="https://cdn.example/v.mp4")
    frame = "https://pictures.example/first.png?key=secret"
    requests: list[Any] = [
        GenerateRequest(prompt="A fox"),
        GenerateRequest(prompt="A fox", loop=True),
        GenerateRequest(prompt="A fox", enhancement=False, start_image=frame),
        ModifyRequest(prompt="A fox", source=video, watermark="mark-1"),
        ExtendRequest(prompt="A fox", source=video, end_image=frame),
    ]
    tasks = [clip_state(request=request).task for request in requests]
    labels = [find_axes(tasks).label(number) for number in range(5)]
    assert len(set(labels)) == 5
    words = " ".join(labels)
    for word in ("no loop", "no enhancement", "from first.png", "to first.png", "watermark mark-1", "modify", "extend"):
        assert word in words
    assert "secret" not in words
    services = [task(), task().evolve(provider="demo")]
    assert seen(find_axes(services))[1] == ["AceDataCloud", "demo service"]
    assert seen(find_axes([task(), film_state().task]))[0] == [""]


def test_different_values_of_the_same_name_are_told_apart() -> None:
    """Two pictures of one name, from two places; three long prompts that begin the same."""
    pictures = [f"https://{host}.example/a.png" for host in ("one", "two", "three")]
    tasks = [task(start_image=picture) for picture in pictures]
    assert seen(find_axes(tasks))[1] == ["from a.png", "from a.png (2)", "from a.png (3)"]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"down": "aspect ratio"}, (list(RATIOS), list(BEASTS))),
        ({"across": "prompts"}, (list(RATIOS), list(BEASTS))),
        ({"down": "prompt", "across": "aspect_ratio"}, (list(BEASTS), list(RATIOS))),
        ({"down": ["owl", "Cat", "fox"]}, (["owl", "cat", "fox"], list(RATIOS))),
        ({"down": ["x", "y", "z"]}, (["x", "y", "z"], list(RATIOS))),
        ({"across": ["x", "y"]}, (list(BEASTS), ["x", "y"])),
        ({"down": ("1", "2"), "across": ["x", "y", "z"]}, (["1", "2"], ["x", "y", "z"])),
        ({"down": list("abcdef")}, (list("abcdef"), [""])),
        ({"across": ["x", "y", "z"]}, (["1", "2"], ["x", "y", "z"])),
    ],
)
def test_sides_are_as_the_user_says(said: dict[str, Any], found: tuple[list[str], list[str]]) -> None:
    """By an option, by its labels in another order, by labels of one's own for the clips row by row."""
    assert seen(find_axes(BATCH, **said))[:2] == found


def test_what_nobody_named_is_on_one_of_the_sides() -> None:
    """A second place of the prompt beside the first, anything else across."""
    tasks = [
        task(f"A {beast} in {weather}", aspect_ratio=ratio, take=take)
        for beast, weather, ratio, take in product(("fox", "cat"), ("snow", "rain"), RATIOS, (1, 2))
    ]
    down, across, _ = seen(find_axes(tasks, "prompt", "aspect_ratio"))
    assert (down[0], across[0]) == ("fox … snow", "16:9 · take 1")
    words = [task(f"A {beast} in {weather}") for beast, weather in product(("fox", "cat"), ("snow", "rain"))]
    assert seen(find_axes(words, ["cat", "fox"]))[:2] == (["cat", "fox"], ["snow", "rain"])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"down": "loop"}, "do not differ in 'loop' .down.: use 'prompt', 'aspect_ratio', or a list"),
        ({"across": 7}, "across must be the name of an option, or a list of labels, not 7"),
        ({"down": []}, "down must be the name of an option, or a list"),
        ({"down": ["owl", " "]}, "down must be the name of an option, or a list"),
        ({"down": ["owl", "foxx"]}, "down must have all of these labels: 'fox', 'cat', 'owl'"),
        ({"down": list("abcd")}, "down has 4 labels, which cannot share 6 clips evenly: use 'prompt'"),
        ({"down": "prompt", "across": "prompt"}, "down and across are the same: use"),
        ({"down": ["x", "x"]}, "down has the same label twice"),
        ({"down": ["x", "y"], "across": ["1", "2"]}, "Several clips would share one place"),
    ],
)
def test_sides_that_cannot_be_are_refused_in_one_line(said: dict[str, Any], words: str) -> None:
    """The line says what can be said."""
    with pytest.raises(InvalidRequest, match=words):
        find_axes(BATCH, **said)
    with pytest.raises(InvalidRequest, match="they are all alike"):
        find_axes([task()], "prompt")
