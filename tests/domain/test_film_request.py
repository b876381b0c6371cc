"""Requests for films: their checks, what they are called, and what makes two of them the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from luma_jupyter.domain.fingerprint import fingerprint, parameters
from luma_jupyter.domain.pieces import FilmFile, Piece
from luma_jupyter.domain.requests import (
    ACTIONS_WITH,
    KINDS,
    MOST_PARTS,
    FilmRequest,
    addresses_in,
    frames_in,
    shown_request,
)
from luma_jupyter.domain.vocabulary import ACTIONS, FREE, PROVIDERS, SERVICE_NAMES
from luma_jupyter.errors import InvalidRequest

INTENT, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
SHA = "ab" * 32
STORM = Piece(source=INTENT, label="storm")


def film(*parts: Piece, **fields: Any) -> FilmRequest:
    return FilmRequest(parts=parts or (STORM,), **fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"parts": ()}, "A film needs at least one part"),
        ({"parts": (STORM,) * (MOST_PARTS + 1)}, "These are 1,001 parts, and a film may have 1,000."),
        ({"fade": -1}, "fade must be a number of seconds, 0 or more, not -1."),
        ({"fade": float("nan")}, "fade must be"),
        ({"fade": "slow"}, "fade must be"),
        ({"size": (1280, 721)}, "size must have even numbers: 1280x722 instead of (1280, 721)."),
        ({"size": (8000, 720)}, "size must be width and height in pixels, from 16 to 7,680, such as 1280x720"),
        ({"size": (4, 4)}, "size must be width and height"),
        ({"size": 720}, "size must be width and height"),
        ({"size": (1280,)}, "size must be width and height"),
        ({"size": (1280.5, 720)}, "size must be width and height"),
        ({"size": (True, 720)}, "size must be width and height"),
        ({"size": "large"}, "size must be width and height"),
        ({"fps": 0}, "fps must be a number of frames per second, from 0.1 to 120, not 0."),
        ({"fps": 0.0004}, "fps must be a number of frames per second, from 0.1 to 120, not 0.0004."),
        ({"fps": 121}, "fps must be"),
        ({"fps": "24"}, "fps must be"),
        (
            {"parts": tuple(Piece(source=INTENT, caption="x" * 2000) for _ in range(51))},
            "Titles and captions have 102,000 characters, and may have 100,000.",
        ),
    ],
)
def test_film_request_refuses_a_value_that_cannot_be_used(fields: dict[str, Any], words: str) -> None:
    """Each bad value of a film gets one line that says what it can be."""
    with pytest.raises(InvalidRequest) as caught:
        FilmRequest(**{"parts": (STORM,), **fields})
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [(1280, 720), [1280, 720], np.array([1280, 720]), "1280x720", " 1280 × 720 "])
def test_film_size_is_read_from_all_that_means_one(size: Any) -> None:
    """Width and height may be a pair of any library, or text as people write it."""
    assert film(size=size) == film(size=(1280, 720))
    assert film(size=size, fade=np.float32(0.5), fps=np.int64(24)) == film(size=(1280, 720), fade=0.5, fps=24.0)


def test_film_without_a_title_is_called_by_its_parts() -> None:
    """What is shown of a film says what it is of: each source once, and of many only the first."""
    lamps = Piece(source=OTHER, label="lamps[1]")
    assert film(STORM, replace(STORM, start=1), lamps).prompt == "Film of storm, lamps[1]"
    many = [Piece(source=OTHER, label=f"s[{number}]") for number in range(9)]
    assert film(*many).prompt == "Film of s[0], s[1], s[2], s[3] and 5 more"


def test_film_is_called_by_its_first_title() -> None:
    """A title says more than what a film was made of."""
    assert film(STORM, replace(STORM, title="Night at sea")).prompt == "Night at sea"


def test_film_of_other_names_is_the_same_film() -> None:
    """What variables are called counts neither in the film's name nor in its parts: it is found again."""
    renamed = film(replace(STORM, label="tempest"), music=FilmFile(SHA, "b.mp3"))
    asked = film(music=FilmFile(SHA, "a.mp3"))
    assert renamed.prompt != asked.prompt
    assert (renamed, fingerprint(renamed, None)) == (asked, fingerprint(asked, None))


@pytest.mark.parametrize(
    "changes",
    [
        {"parts": (Piece(source=OTHER),)},
        {"parts": (STORM, STORM)},
        {"parts": (replace(STORM, start=0.5),)},
        {"parts": (replace(STORM, title="Sea"),)},
        {"parts": (replace(STORM, caption="Sea"),)},
        {"parts": (Piece(source=FilmFile(SHA, "a")),)},
        {"fade": 0.5},
        {"music": FilmFile("cd" * 32, "a.mp3")},
        {"voice": FilmFile(SHA, "a.mp3")},
        {"size": (640, 360)},
        {"fps": 25},
    ],
)
def test_film_of_anything_else_is_another_film(changes: dict[str, Any]) -> None:
    """All that changes what is seen or heard makes another film."""
    asked = film(music=FilmFile(SHA, "a.mp3"))
    assert fingerprint(replace(asked, prompt="", **changes), None) != fingerprint(asked, None)


def test_fingerprint_of_a_film_stays_as_it_is() -> None:
    """Films of this version are found again by later ones: the digest is frozen."""
    asked = film(
        Piece(source=INTENT, start=1, end=4.5, speed=2, crop="9:16", title="Sea", caption="Waves"),
        Piece(source=FilmFile(SHA, "a.png"), seconds=3),
        fade=0.5,
        music=FilmFile(SHA, "a.mp3"),
        size=(1280, 720),
        fps=25,
    )
    assert fingerprint(asked, None) == "4d244fc748ddf7f9fa2b149ecb0712485ef5fbde7b8c1d4618798b8232308cd1"


def test_parameters_of_a_film_are_plain_data() -> None:
    """What records keep of a film is what JSON has."""
    assert parameters(film(size=(640, 360), voice=FilmFile(SHA, "me.wav"))) == {
        "parts": [{"intent": INTENT, "label": "storm"}],
        "size": [640, 360],
        "voice": {"sha256": SHA, "name": "me.wav"},
    }


def test_film_names_no_address_and_takes_no_frame() -> None:
    """What looks for addresses and frames in a request finds none in a film, which others may see as it is."""
    asked = film()
    assert (shown_request(asked), addresses_in(asked), frames_in(asked)) == (asked, {}, {})
    assert (asked.take, asked.callback_url) == (1, None)


def test_film_is_no_choice() -> None:
    """Nobody chooses the action film or the provider local: forms, cells and settings offer what services do."""
    assert KINDS["film"] is FilmRequest
    assert "film" not in ACTIONS
    assert all("film" not in actions for actions in ACTIONS_WITH.values())
    assert "local" not in PROVIDERS
    assert set(SERVICE_NAMES) - set(PROVIDERS) == set(FREE) - {"demo"} == {"local"}
