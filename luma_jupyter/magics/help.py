"""What the magics say of themselves: ``%luma help``, ``%luma help options``, ``%luma film`` and ``%luma words``."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from luma_jupyter.cells.options import FILM_OPTIONS, line_options_help, line_words_help, options_help
from luma_jupyter.cells.parser import FILM_USAGE, USAGE
from luma_jupyter.domain.prompt_words import vocabulary
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import translated
from luma_jupyter.printable import columns, padded

WIDTH = 100  # characters of a line
TITLE = 20  # of those, what stands beside a list


def help_text() -> str:
    """What ``%luma`` is for: examples, and all its words."""
    goes_on = {
        "%%luma extend sunset -o longer": _("what happens next; its prompt goes below, too"),
        "%%luma modify longer -o foggy": _("the same in another look"),
        "%luma film sunset foggy -o movie": _("clips joined to a film"),
    }
    more = _(
        "Wanted often: --takes 4 makes 4 different videos, --start-image cat.png begins with a picture, and --dry-run "
        "shows request and price, and sends nothing. %luma help options has all options."
    )
    return "\n".join(
        [
            _("Write what you want to see, run the cell, and a video is made:"),
            "",
            "  %%luma -o sunset --aspect-ratio 9:16",
            f"  {_('Lanterns rise over a lake at dusk, slow pan left')}",
            "",
            _("It is in the variable sunset at once, and you can go on from it while it is made:"),
            "",
            *(f"  {line:<36} {what}" for line, what in goes_on.items()),
            "",
            _paragraph(more),
            "",
            line_words_help(),
        ]
    )


def options_text() -> str:
    """All options, and what they can be given."""
    source = _(
        "SOURCE is what is extended or modified: a clip's variable or key (clip:3f9c2a1b), a URL, the path of a video, "
        "or to extend a video id. X may be a frame of a clip, too: sunset@first, sunset@last, or sunset@2.5 (seconds)."
    )
    braces = _("In a prompt, {braces} puts in the value of a variable; so do {examples}.")
    return "\n".join(
        [
            USAGE,
            "",
            options_help(),
            "",
            _paragraph(source),
            _paragraph(braces.format(braces="{{name}}", examples="{{row['look']}}, {{size:.1f}}")),
            "",
            line_options_help(),
        ]
    )


def film_text() -> str:
    """How a film is made."""
    captions = _("or a cell, {cell}, with captions below: a line for each part, an empty one for a part without.")
    parts = _(
        "A PART is a clip's variable or key, a list of clips, a part of a clip, storm@1-4.5 (seconds) or storm@1- (to "
        "its end), a variable with one of these, or the path of a video or picture: card.png, card.png@2 (seconds)."
    )
    return "\n".join(
        [
            _("Make a film of clips, on this computer and free."),
            FILM_USAGE,
            _paragraph(captions.format(cell="%%luma film PART… [options]")),
            "",
            options_help(FILM_OPTIONS),
            "",
            _paragraph(parts),
        ]
    )


def words_text() -> str:
    """The words of prompts, those that the demo service knows first."""
    known, others = (
        [_beside(translated(kind), words) for kind, words in vocabulary(simulated=flag)] for flag in (True, False)
    )
    about = _(
        "Words for prompts, in English or Chinese. The paid services read the whole prompt: use these words as you "
        "would say them. While you type a prompt, Tab completes those of time, camera, light, style and pace."
    )
    demo = _(
        "The demo service knows these words, and some that mean the same; what else a prompt says changes its video by "
        "chance."
    )
    paid = _("These are for the paid services; the demo service does not know them.")
    return "\n".join([_paragraph(about), "", _paragraph(demo), "", *known, "", _paragraph(paid), "", *others])


def _beside(title: str, words: Sequence[str]) -> str:
    """Words beside their title, on as many lines as they need."""
    lines = [padded(title, TITLE)]
    for number, word in enumerate(words, 1):
        text = f" {word}" if number == len(words) else f" {word} ·"
        if columns(lines[-1] + text) > WIDTH:
            lines.append(" " * TITLE)
        lines[-1] += text
    return "\n".join(lines)


def _paragraph(text: str) -> str:
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
