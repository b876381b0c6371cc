"""The options of a ``%%luma`` cell and the words of ``%luma``, each once.

Parser, help, completion and form are made from these tables. Which actions take an option is told by the requests
(`domain.requests.ACTIONS_WITH`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from luma_jupyter.domain.vocabulary import ALL_ACTIONS, ASPECT_RATIOS, PROVIDERS
from luma_jupyter.settings import LOGIN_KEYS


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option. ``name`` is that of the field in a form, ``parameter`` what it sets (the same, unless said).

    ``metavar`` stands for its value; without one it is a flag that sets ``const``. ``negatable``: it has a ``--no-``
    form too. ``choices`` are offered by completion. ``label`` is that of its field in a form; without one, no form has
    it.
    """

    name: str
    flags: tuple[str, ...]
    help: str
    metavar: str = ""
    const: bool | str = True
    negatable: bool = False
    choices: tuple[str, ...] = ()
    sets: str = ""
    label: str = ""

    @property
    def parameter(self) -> str:
        """The parameter of the request, or of the command, that it sets."""
        return self.sets or self.name

    @property
    def all_flags(self) -> tuple[str, ...]:
        """All that can be typed for it."""
        return (*self.flags, *(f"--no-{flag.removeprefix('--')}" for flag in self.flags if self.negatable))


OPTIONS = (
    Option(
        name="out",
        label="Variable",
        flags=("-o", "--out"),
        metavar="NAME",
        help="variable that holds the clip, bound at once",
    ),
    Option(
        name="aspect_ratio",
        label="Aspect ratio",
        flags=("--aspect-ratio",),
        metavar="R",
        choices=ASPECT_RATIOS,
        help=f"generate: {', '.join(ASPECT_RATIOS)} (16:9)",
    ),
    Option(name="loop", label="Loop", flags=("--loop",), help="generate: the end joins the start"),
    Option(
        name="enhancement",
        label="Enhancement",
        flags=("--no-enhancement",),
        const=False,
        help="generate: keep the prompt as it is",
    ),
    Option(
        name="start_image",
        label="First frame",
        flags=("--start-image",),
        metavar="X",
        help="generate: first frame; a URL, a path, a variable, or sunset@last",
    ),
    Option(
        name="end_image",
        label="Last frame",
        flags=("--end-image",),
        metavar="X",
        help="generate, extend: last frame, likewise",
    ),
    Option(name="watermark", label="Watermark", flags=("--watermark",), help="modify: put a watermark in"),
    Option(
        name="watermark_id",
        label="Watermark id",
        flags=("--watermark-id",),
        sets="watermark",
        metavar="ID",
        help="modify: the watermark with this id",
    ),
    Option(
        name="callback_url",
        label="Callback URL",
        flags=("--callback-url",),
        metavar="URL",
        help="the service posts the result there too",
    ),
    Option(
        name="provider",
        label="Service",
        flags=("--provider",),
        metavar="P",
        choices=("auto", *PROVIDERS),
        help=f"auto, {', '.join(PROVIDERS)} (auto: by action and key; demo without a key)",
    ),
    Option(
        name="wait",
        flags=("--wait",),
        negatable=True,
        help="stay in the cell until the clip is done (in a notebook: no)",
    ),
    Option(
        name="embed",
        flags=("--embed",),
        negatable=True,
        help="the finished video in the notebook itself (JupyterLab, Notebook 7: no)",
    ),
    Option(name="timeout", label="Timeout", flags=("--timeout",), metavar="S", help="seconds to follow the task (900)"),
    Option(
        name="again",
        label="Make a new one, although this was made before",
        flags=("--again",),
        help="make a new video although this request was made before",
    ),
    Option(
        name="takes",
        label="Takes",
        flags=("--takes",),
        metavar="N",
        help="so many videos of it, different ones, as one list and one table",
    ),
    Option(
        name="yes",
        label="Yes, make and pay for all of them",
        flags=("--yes",),
        help="send them unasked, however many and however dear they are",
    ),
    Option(name="dry_run", flags=("--dry-run",), help="show the request, send nothing"),
)
_BY_NAME = {option.name: option for option in OPTIONS}
# Of a film: made on this machine, of the parts that its line names.
FILM_OPTIONS = (
    Option(name="out", flags=("-o", "--out"), metavar="NAME", help="variable that holds the film, bound at once"),
    Option(name="fade", flags=("--fade",), metavar="S", help="seconds in which each part fades into the next (0)"),
    Option(name="title", flags=("--title",), sets="titles", metavar="TEXT", help="words over its beginning"),
    Option(name="music", flags=("--music",), metavar="FILE", help="music under all of it"),
    Option(name="voice", flags=("--voice",), metavar="FILE", help="a voice over it"),
    Option(name="size", flags=("--size",), metavar="WxH", help="pixels, such as 1280x720 (as the first part)"),
    Option(name="fps", flags=("--fps",), metavar="N", help="frames per second (as the first part)"),
    _BY_NAME["wait"],
    _BY_NAME["embed"],
    _BY_NAME["again"],
    Option(name="dry_run", flags=("--dry-run",), help="say what it would come to, make nothing"),
)
# Of the table of what was made.
HISTORY_OPTIONS = (
    Option(name="all", flags=("--all",), sets="folder", const="all", help="of all folders"),
    Option(name="folder", flags=("--folder",), metavar="FOLDER", help="of another one, also one that was handed over"),
    Option(name="day", flags=("--day",), metavar="DAY", choices=("today",), help="of a day, such as 2026-11-22"),
    Option(name="since", flags=("--since",), metavar="DAY", choices=("today",), help="from a day on"),
    Option(name="action", flags=("--action",), metavar="A", choices=ALL_ACTIONS, help=f"{', '.join(ALL_ACTIONS)}"),
    Option(name="starred", flags=("--starred",), help="those with a ★"),
)
_SENT_AS = {"start_image": "start_image_url", "end_image": "end_image_url"}  # as providers call them in their errors
# What a user calls a parameter: in a cell, and in a form.
FLAG_OF: Mapping[str, str] = {
    name: option.flags[-1]
    for option in reversed((*FILM_OPTIONS, *OPTIONS))
    for name in (option.parameter, _SENT_AS.get(option.name, option.name))
}
LABEL_OF: Mapping[str, str] = {
    name: option.label
    for option in OPTIONS
    for name in (*option.all_flags, option.name, _SENT_AS.get(option.name, option.name))
    if option.label
}
FORM_OPTIONS: Mapping[str, Option] = {option.name: option for option in OPTIONS if option.label}


def options_help(options: Iterable[Option] = OPTIONS) -> str:
    """Options as an indented list, one a line."""
    return "\n".join(
        f"  {', '.join(option.all_flags) + (f' {option.metavar}' if option.metavar else ''):<22} {option.help}"
        for option in options
    )


@dataclass(frozen=True)
class LineWord:
    """A word of ``%luma``: what may follow it, what it does, its options, and what completion offers behind it."""

    word: str
    arguments: str
    help: str
    flags: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


LINE_WORDS = (
    LineWord("status", "[NAME…]", "the clips of this kernel"),
    LineWord("wait", "[NAME…]", "wait for them (all that are unfinished)"),
    LineWord("stop", "NAME…", "stop following; the task may still run and be billed"),
    LineWord("show", "NAME…", "show them here, as they stand"),
    LineWord("resume", "[NAME…]", "follow again what an earlier kernel left unfinished in this folder"),
    LineWord(
        "retry",
        "NAME",
        "go on with a clip that is unconfirmed, not followed, or without its file\n"
        "(--may-pay-twice: send an unconfirmed one again, whatever it may cost)",
        ("--may-pay-twice",),
    ),
    LineWord(
        "adopt",
        "TASK_ID",
        "follow a task that was made elsewhere, or lost here (--provider P, -o NAME)",
        ("--provider", "-o", "--out"),
    ),
    LineWord("account", "", "the tasks and charges of the last days as AceDataCloud has them, beside ours"),
    LineWord(
        "history",
        "[WORDS…]",
        "all clips of this folder, or those with these words in prompt, name or note, and what they cost\n"
        "(--starred, --action A, --day 2026-11-22, --since DAY; --all or --folder FOLDER for others)",
        tuple(flag for option in HISTORY_OPTIONS for flag in option.all_flags),
    ),
    LineWord(
        "film",
        "PART…",
        "make a film: of clips, lists of them, parts (storm@1-4.5, storm@1-) and paths\n"
        "(%luma film alone shows how; in a cell, %%luma film, captions go below)",
        tuple(flag for option in FILM_OPTIONS for flag in option.all_flags),
    ),
    LineWord("words", "", "words for prompts, in English and Chinese; those that the demo knows"),
    LineWord("price", "", "what a call costs, and what was spent today"),
    LineWord("balance", "", "what is left at the services"),
    LineWord(
        "login", "SERVICE", f"keep a key in the system's keyring ({', '.join(LOGIN_KEYS)})", choices=tuple(LOGIN_KEYS)
    ),
    LineWord("logout", "SERVICE", "take it out again", choices=tuple(LOGIN_KEYS)),
    LineWord("doctor", "", "whether all is well here, and what to do where it is not"),
    LineWord("studio", "", "the same as forms to fill in, and all that is under way"),
    LineWord("help", "", "this text"),
)


def line_words_help() -> str:
    """The words of ``%luma``, one a line."""
    lines = []
    for word in LINE_WORDS:
        first, *more = word.help.split("\n")
        lines.append(f"{f'%luma {word.word} {word.arguments}'.rstrip():<22} {first}")
        lines += [f"{'':<22} {line}" for line in more]
    return "\n".join(lines)
