"""What a page shows of an output, and what that makes of it: live, forward, static, or false.

Judged by the page alone: nothing of the package is asked.

live     a part of the output moves by a widget's script
forward  no widget lives, and the kernel brought the HTML forward when something had changed
static   the HTML is as it was from its first second, and true all the same
false    a sentence that is not so, a red box, or something that has to be there and is not
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

FALSE = "false: "
RED_BOXES = (
    "Click to show javascript error",
    "Error displaying widget",
    "Failed to load model",
    "Loading widget",
    "model not found",
)
SAVED = "This page was saved while the video"
RUN_THIS_CELL = "run this cell to fill in its forms"
# The words; what the HTML says by itself, and how many videos and links it has; whether the live part can be seen.
LOOK = """(output, live) => ({
    text: output.innerText,
    html: [...output.querySelectorAll(".jp-RenderedHTML")].map((part) => {
        const plain = part.cloneNode(true);
        plain.querySelectorAll(live).forEach((moved) => moved.remove());
        return `${plain.textContent} ${plain.querySelectorAll("video, a").length}`;
    }).join(),
    live: [...output.querySelectorAll(live)].some((part) => part.getClientRects().length > 0),
})"""


@dataclass(frozen=True)
class Look:
    """What an output shows at one moment: its words, what its HTML says, and whether a widget lives in it."""

    text: str
    html: str
    live: bool


def look_at(output: Any, live: str) -> Look:
    """What a part of the page shows; ``live`` selects what only a widget's script can have drawn."""
    return Look(**output.evaluate(LOOK, live))


def said(text: str, sentences: Iterable[str]) -> list[str]:
    """Those of some sentences that a text says."""
    return [f"“{sentence}”" for sentence in sentences if sentence in text]


def is_false(word: str) -> bool:
    """Whether a judgement is that something is false."""
    return word.startswith(FALSE)


def names_what_is_missing(text: str, package: str) -> bool:
    """Whether just one line says what to install."""
    lines = [line for line in text.splitlines() if "pip install" in line]
    return len(lines) == 1 and package in lines[0]


def judge(looks: Sequence[Look], never: Iterable[str] = (), faults: Iterable[str] = ()) -> str:
    """One word on an output that was looked at several times.

    ``never`` are sentences that it must not say, ``faults`` what else is wrong with it.
    """
    found = [*dict.fromkeys(words for look in looks for words in said(look.text, (*RED_BOXES, *never))), *faults]
    if found:
        return f"{FALSE}{'; '.join(found)}"
    if any(look.live for look in looks):
        return "live"
    return "static" if looks[0].html == looks[-1].html else "forward"
