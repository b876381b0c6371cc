"""A film as a line or a cell asks for it: words become parts, and lines below become captions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter import Clip
from luma_jupyter.cells.film import FilmCommand, read_film
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.cells.parser import split
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.errors import InvalidRequest
from tests.support.notebook import PromptService, Shell


def refuse(key: str) -> Clip:
    """There are no clips by their keys here."""
    raise InvalidRequest(f"There is no clip {key!r} in this folder.")


@pytest.fixture
def variables(notebook: Shell, filmed: PromptService) -> dict[str, Any]:
    """``storm``, ``harbour`` and, in a list, ``lamps``; a path and a word for captions."""
    clips = [luma.generate(prompt) for prompt in ("A storm", "A harbour", "A lamp", "Another lamp")]
    storm, harbour, *lamps = clips
    return {"storm": storm, "harbour": harbour, "lamps": ClipList(lamps), "waves": "sounds/waves.mp3", "place": "Hafen"}


@pytest.fixture
def read(variables: dict[str, Any]) -> Callable[..., FilmCommand]:
    """Read a line and what is below it."""
    return lambda line, body="": read_film(split(line), body, Lookup(variables, refuse))


def test_a_line_names_the_parts_in_their_order(read: Callable[..., FilmCommand], variables: dict[str, Any]) -> None:
    """Clips, parts of them, all of a list, and paths; options stand anywhere."""
    storm, harbour, lamps = (variables[name] for name in ("storm", "harbour", "lamps"))
    command = read('harbour storm@1-3 -o movie lamps "my films/old.mp4" --fade 0.5 card.png lamps[1]')
    assert command.parts == [harbour, storm[1:3], *lamps, "my films/old.mp4", "card.png", lamps[1]]
    assert command.out == "movie"
    assert command.options == {"fade": 0.5}


def test_options_become_what_the_function_takes(read: Callable[..., FilmCommand]) -> None:
    """By its parameters; a variable gives what it holds."""
    command = read(
        'storm --title "Night at sea" --music waves --voice voice.wav --size 1280x720 --fps 24 --wait --no-embed '
        "--dry-run"
    )
    assert command.options == {
        "titles": "Night at sea",
        "music": "sounds/waves.mp3",
        "voice": "voice.wav",
        "size": "1280x720",
        "fps": 24.0,
    }
    assert (command.wait, command.embed, command.dry_run, command.out) == (True, False, True, None)


@pytest.mark.parametrize(
    ("body", "captions"),
    [
        ("", None),
        ("\n  \n", None),
        ("One\nTwo\nThree", ["One", "Two", "Three"]),
        ("One\n\nThree\n", ["One", None, "Three"]),
        ("\n  Two ", [None, "Two", None]),
        ("Der {{place}}, {single}", ["Der Hafen, {single}", None, None]),
    ],
)
def test_lines_below_are_the_captions_of_the_parts(
    read: Callable[..., FilmCommand], body: str, captions: list[str | None] | None
) -> None:
    """One line for each part, also for each of a list; an empty one for none."""
    assert read("storm lamps", body).options.get("captions") == captions


@pytest.mark.parametrize(
    ("line", "body", "words"),
    [
        ("", "", "Say of what: %luma film PART… [options], where a part is a clip, a list of clips, storm@1-4.5, or"),
        ("--fade 1", "", "Say of what: %luma film PART… [options]"),
        ("storm --fade", "", "argument --fade: expected one argument. Usage: %luma film PART… [options]; %luma help"),
        ("storm --fade slow", "", "--fade must be a number of seconds, not 'slow'."),
        ("storm --fps fast", "", "--fps must be a number of frames per second, not 'fast'."),
        ("storm --fade 1 --fade 2", "", "--fade is there twice: take one of them out."),
        (
            "storm --musik x.mp3",
            "",
            "unrecognized arguments: --musik x.mp3. Did you mean --music? Usage: %luma film PART…",
        ),
        ("storm —fade 1", "", "—fade begins with a long dash instead of hyphens: write --fade."),
        ("storm --aspect-ratio 9:16", "", "unrecognized arguments: --aspect-ratio 9:16. Usage: %luma film PART…"),
        ("storm -o print", "", "-o print: Python needs this name itself; take another one, such as print_1."),
        ('storm "x', "", "The line cannot be read (No closing quotation): check its quotes."),
        ("strom", "", "There is no variable strom: did you mean storm?"),
        (
            "storm",
            "One\nTwo",
            "There are 2 lines of captions for 1 part: write one line for each part, and an empty one",
        ),
        ("lamps", "One\n\nThree", "There are 3 lines of captions for 2 parts: write one line for each part"),
        ("storm", "The {{plce}}", "The caption uses {{plce}}, but there is no variable plce: did you mean {{place}}?"),
        ("storm", "The {{", "The caption has “{{”: there is no }} after these braces."),
    ],
)
def test_what_is_no_film_is_refused_in_one_line(
    read: Callable[..., FilmCommand], line: str, body: str, words: str
) -> None:
    """As any other line, and nothing is made."""
    with pytest.raises(InvalidRequest, match=f"^{re.escape(words)}"):
        read(line, body)


def test_film_is_the_first_word_of_a_cell(notebook: Shell) -> None:
    """Elsewhere it would be the name of a clip, or a word of a prompt: one line says where it goes."""
    with pytest.raises(InvalidRequest, match=r"^film comes first: `%%luma film PART…`, and options behind it\.$"):
        notebook.run("%%luma -o movie film storm harbour\nThe storm")
