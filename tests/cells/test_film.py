"""A film as a line or a cell asks for it: words become parts, and lines below become captions."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.cells.command import CellCommand
from luma_jupyter.cells.film import read_film_cell
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.cells.parser import split
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.film_parts import read_film
from luma_jupyter.domain.pieces import Piece
from luma_jupyter.domain.requests import FilmRequest
from luma_jupyter.errors import InvalidRequest
from tests.support.notebook import PromptService, Shell
from tests.support.pictures import PICTURE, encoded


@pytest.fixture
def variables(notebook: Shell, filmed: PromptService, film_bytes: bytes, tmp_path: Path) -> dict[str, Any]:
    """``storm`` and ``harbour`` that are done, two ``lamps`` in a list; files, a path and a word for captions."""
    clips = [luma.generate(prompt) for prompt in ("A storm", "A harbour", "A lamp", "Another lamp")]
    storm, harbour, *lamps = clips
    notebook.user_ns.update(storm=storm, harbour=harbour, lamps=ClipList(lamps).wait(), waves="my films/old.mp4")
    notebook.user_ns.update(place="Hafen", opening=storm.wait()[:0.5], drawn=[PICTURE, (PICTURE, 2)])
    (tmp_path / "my films").mkdir()
    (tmp_path / "my films" / "old.mp4").write_bytes(film_bytes)
    (tmp_path / "card.png").write_bytes(encoded())
    harbour.wait()
    return notebook.user_ns


@pytest.fixture
def read(variables: dict[str, Any]) -> Callable[..., CellCommand]:
    """Read a line and what is below it."""
    return lambda line, body="": read_film_cell(split(line), body, Lookup.of(kernel.session))


def pieces(command: CellCommand) -> tuple[Piece, ...]:
    """The parts of a film that is asked for."""
    assert isinstance(command.spec.request, FilmRequest)
    return command.spec.request.parts


def test_a_line_names_the_parts_in_their_order(read: Callable[..., CellCommand]) -> None:
    """Clips, parts of them, all of a list, and paths; options stand anywhere."""
    line = (
        'harbour storm@0.2-0.8 -o movie lamps "my films/old.mp4" --fade 0.5 card.png card.png@2 lamps[1] opening drawn'
    )
    command = read(line)
    assert [(str(piece), piece.seconds) for piece in pieces(command)] == [
        ("harbour", None),
        ("storm@0.2-0.8", None),
        ("lamps[0]", None),
        ("lamps[1]", None),
        ("old.mp4", None),
        ("card.png", 3.0),
        ("card.png", 2.0),
        ("lamps[1]", None),
        ("storm@0-0.5", None),
        ("picture 10", 3.0),
        ("picture 11", 2.0),
    ]
    assert (pieces(command)[1].start, pieces(command)[1].end) == (0.2, 0.8)
    assert len(command.spec.parts) == 4
    assert command.spec.request.fade == 0.5
    assert command.out == "movie"


def test_options_become_what_the_function_takes(read: Callable[..., CellCommand], variables: dict[str, Any]) -> None:
    """It is the very request of the function; a variable gives what it holds."""
    command = read(
        'storm harbour --title "Night at sea" --music waves --voice "my films/old.mp4" --size 1280x720 --fps 24 --wait '
        "--no-embed --dry-run --again",
        "The storm",
    )
    spec = read_film(
        [variables["storm"], variables["harbour"]],
        lambda value: None,
        titles="Night at sea",
        captions=["The storm", None],
        music="my films/old.mp4",
        voice="my films/old.mp4",
        size=(1280, 720),
        fps=24,
    )
    assert command.spec.request == spec.request
    assert (command.wait, command.embed, command.dry_run, command.out, command.spec.again) == (
        *(True, False, True, None),
        True,
    )


@pytest.mark.parametrize(
    ("body", "captions"),
    [
        ("", [None] * 3),
        ("\n  \n", [None] * 3),
        ("One\nTwo\nThree", ["One", "Two", "Three"]),
        ("One\n\nThree\n", ["One", None, "Three"]),
        ("\n  Two ", [None, "Two", None]),
        ("Der {{place}}, {single}", ["Der Hafen, {single}", None, None]),
    ],
)
def test_lines_below_are_the_captions_of_the_parts(
    read: Callable[..., CellCommand], body: str, captions: list[str | None]
) -> None:
    """One line for each part, also for each of a list; an empty one for none."""
    assert [piece.caption for piece in pieces(read("storm lamps", body))] == captions


@pytest.mark.parametrize(
    ("line", "body", "words"),
    [
        (
            "",
            "",
            "Say of what: %luma film PART… [options]. A PART is a clip, some of it (storm@1-4.5), or a path;",
        ),
        ("--fade 1", "", "Say of what: %luma film PART… [options]"),
        ("storm --fade", "", "--fade needs a value. Usage: %luma film PART… [options]; %luma film shows all."),
        ("storm --fade slow", "", "--fade must be a number, not 'slow'."),
        ("storm --fps fast", "", "--fps must be a number, not 'fast'."),
        ("storm --fade 1 --fade 2", "", "--fade is there twice: take one of them out."),
        (
            "storm --musik x.mp3",
            "",
            "There is no option --musik: did you mean --music? Usage: %luma film PART…",
        ),
        ("storm —fade 1", "", "—fade does not begin with a hyphen: write --fade."),
        ("storm --aspect-ratio 9:16", "", "There is no option --aspect-ratio. Usage: %luma film PART…"),
        ("storm -o print", "", "-o print: Python needs this name itself; take another one, such as print_1."),
        ('storm "x', "", "A quote in this line is not closed: check its quotes."),
        ("strom", "", "There is no variable strom: did you mean storm?"),
        ("storm[0:3]", "", "storm[0:3]: in a cell, write storm@0-3."),
        ("storm[1.5:]", "", "storm[1.5:]: in a cell, write storm@1.5-."),
        (
            "storm",
            "One\nTwo",
            "Captions: 2 lines for a film of 1. Write one line for each part, and an empty one",
        ),
        ("lamps", "One\n\nThree", "Captions: 3 lines for a film of 2. Write one line for each part"),
        ("storm", "The {{plce}}", "{{plce}}: there is no variable plce; did you mean {{place}}?"),
        ("nothing.mp4", "", "Part 1 of the film: there is no file 'nothing.mp4'."),
        ("storm my.txt", "", "Part 2 of the film: there is no file 'my.txt'."),
        ("storm place", "", "Part 2 of the film: 'Hafen' is neither a clip nor a file. Write a clip without quotes;"),
        ("storm --music nothing.mp3", "", "music: there is no file 'nothing.mp3'."),
        ("storm --fade -1", "", "fade must be a number of seconds, 0 or more, not -1.0."),
        ("storm --size 1281x720", "", "size must have even numbers"),
        ("storm --size big", "", "size must be width and height in pixels, from 16 to 7,680, such as 1280x720, not"),
        ("storm --fps 0", "", "fps must be a number of frames per second, from 0.1 to 120"),
        ("storm", "The {{", "“{{”: there is no }} after these braces."),
    ],
)
def test_what_is_no_film_is_refused_in_one_line(
    read: Callable[..., CellCommand], line: str, body: str, words: str
) -> None:
    """As any other line, and nothing is made."""
    with pytest.raises(InvalidRequest, match=f"^{re.escape(words)}"):
        read(line, body)


def test_title_without_its_quotes_is_told(read: Callable[..., CellCommand]) -> None:
    """The words of a title behind the first one are taken for parts: the line says what is missing."""
    with pytest.raises(InvalidRequest, match=r"^There is no variable at: .*A title of several words goes in quotes\.$"):
        read("storm --title Night at sea")


def test_film_is_the_first_word_of_a_cell(notebook: Shell) -> None:
    """Elsewhere it would be the name of a clip, or a word of a prompt: one line says where it goes."""
    with pytest.raises(InvalidRequest, match=r"^The word film comes first, and options after it: `%%luma film PART…`"):
        notebook.run("%%luma -o movie film storm harbour\nThe storm")
