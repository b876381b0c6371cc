"""The options of a ``%%luma`` cell and the words of ``%luma``, each once.

Parser, help, completion and form are made from these tables. Which actions take an option is told by the requests
(`domain.requests.ACTIONS_WITH`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from luma_jupyter.domain.vocabulary import ALL_ACTIONS, ASPECT_RATIOS, PROVIDERS
from luma_jupyter.languages import N_, translated
from luma_jupyter.settings import LOGIN_KEYS


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option. ``name`` is that of the field in a form, ``parameter`` what it sets (the same, unless said).

    ``metavar`` stands for its value; without one it is a flag that sets ``const``. ``negatable``: it has a ``--no-``
    form too. ``choices`` are offered by completion. ``label`` is that of its field in a form; without one, no form has
    it. ``help`` and ``label`` are to be `translated` where they are shown.
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
        label=N_("Variable"),
        flags=("-o", "--out"),
        metavar="NAME",
        help=N_("the variable for the clip; you can use it at once"),
    ),
    Option(
        name="aspect_ratio",
        label=N_("Aspect ratio"),
        flags=("--aspect-ratio",),
        metavar="R",
        choices=ASPECT_RATIOS,
        help=N_(f"generate: {', '.join(ASPECT_RATIOS)} (16:9)"),
    ),
    Option(name="loop", label=N_("Loop"), flags=("--loop",), help=N_("generate: the end runs into the beginning")),
    Option(
        name="enhancement",
        label=N_("Enhancement"),
        flags=("--no-enhancement",),
        const=False,
        help=N_("generate: the service takes the prompt as it is"),
    ),
    Option(
        name="start_image",
        label=N_("First frame"),
        flags=("--start-image",),
        metavar="X",
        help=N_("generate: the first picture: a file, a URL, a variable, sunset@last"),
    ),
    Option(
        name="end_image",
        label=N_("Last frame"),
        flags=("--end-image",),
        metavar="X",
        help=N_("generate, extend: the last picture"),
    ),
    Option(
        name="watermark",
        label=N_("Watermark"),
        flags=("--watermark",),
        help=N_("modify: with a watermark"),
    ),
    Option(
        name="watermark_id",
        label=N_("Watermark id"),
        flags=("--watermark-id",),
        sets="watermark",
        metavar="ID",
        help=N_("modify: with the watermark that has this id"),
    ),
    Option(
        name="callback_url",
        label=N_("Callback URL"),
        flags=("--callback-url",),
        metavar="URL",
        help=N_("a web address to which the service sends the result, too"),
    ),
    Option(
        name="provider",
        label=N_("Service"),
        flags=("--provider",),
        metavar="P",
        choices=("auto", *PROVIDERS),
        help=N_(f"auto, {', '.join(PROVIDERS)} (auto: by action and key; without a key, demo)"),
    ),
    Option(
        name="wait",
        flags=("--wait",),
        negatable=True,
        help=N_("stay in the cell until the clip is done (in JupyterLab: no)"),
    ),
    Option(
        name="embed",
        flags=("--embed",),
        negatable=True,
        help=N_("put the video into the notebook itself (JupyterLab, Notebook 7: no)"),
    ),
    Option(
        name="timeout",
        label=N_("Timeout"),
        flags=("--timeout",),
        metavar="S",
        help=N_("for how many seconds to watch the task (900)"),
    ),
    Option(
        name="again",
        label=N_("Make a new one, although this was made before"),
        flags=("--again",),
        help=N_("make a new video, although this was made before"),
    ),
    Option(
        name="takes",
        label=N_("Takes"),
        flags=("--takes",),
        metavar="N",
        help=N_("make N different videos, as one list and one table"),
    ),
    Option(
        name="yes",
        label=N_("Yes, make and pay for all of them"),
        flags=("--yes",),
        help=N_("send without asking, whatever the number or price"),
    ),
    Option(name="dry_run", flags=("--dry-run",), help=N_("show request and price; send nothing")),
)
_BY_NAME = {option.name: option for option in OPTIONS}
# Of a film: made on this computer, of the parts that its line names.
FILM_OPTIONS = (
    Option(
        name="out",
        flags=("-o", "--out"),
        metavar="NAME",
        help=N_("the variable for the film; you can use it at once"),
    ),
    Option(name="fade", flags=("--fade",), metavar="S", help=N_("seconds in which each part fades into the next (0)")),
    Option(name="title", flags=("--title",), sets="titles", metavar="TEXT", help=N_("words over its beginning")),
    Option(name="music", flags=("--music",), metavar="FILE", help=N_("music under all of it")),
    Option(name="voice", flags=("--voice",), metavar="FILE", help=N_("a voice over it")),
    Option(name="size", flags=("--size",), metavar="WxH", help=N_("pixels, such as 1280x720 (as the first part)")),
    Option(name="fps", flags=("--fps",), metavar="N", help=N_("frames per second (as the first part)")),
    _BY_NAME["wait"],
    _BY_NAME["embed"],
    _BY_NAME["again"],
    Option(name="dry_run", flags=("--dry-run",), help=N_("say what the film would be; make nothing")),
)
# Of the table of what was made.
HISTORY_OPTIONS = (
    Option(name="all", flags=("--all",), sets="folder", const="all", help=N_("of all folders")),
    Option(
        name="folder",
        flags=("--folder",),
        metavar="FOLDER",
        help=N_("of another folder, also one that somebody gave you"),
    ),
    Option(name="day", flags=("--day",), metavar="DAY", choices=("today",), help=N_("of one day, such as 2026-11-22")),
    Option(name="since", flags=("--since",), metavar="DAY", choices=("today",), help=N_("of this day and later")),
    Option(name="action", flags=("--action",), metavar="A", choices=ALL_ACTIONS, help=", ".join(ALL_ACTIONS)),
    Option(name="starred", flags=("--starred",), help=N_("those with a ★")),
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
    typed = {option: f"{', '.join(option.all_flags)} {option.metavar}".rstrip() for option in options}
    return "\n".join(f"  {text:<22} {translated(option.help)}" for option, text in typed.items())


@dataclass(frozen=True)
class LineWord:
    """A word of ``%luma``: what may follow it, what it does, its options, and what completion offers behind it.

    ``more`` are its options, told where there is more room.
    """

    word: str
    arguments: str
    help: str
    more: str = ""
    flags: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


LINE_WORDS = (
    LineWord("status", "[NAME…]", N_("your clips, and how far they are")),
    LineWord("wait", "[NAME…]", N_("wait until they are done")),
    LineWord("show", "NAME…", N_("show them here")),
    LineWord("stop", "NAME…", N_("stop watching (the task may go on, and be billed)")),
    LineWord("resume", "[NAME…]", N_("watch again what an earlier kernel left unfinished in this folder")),
    LineWord(
        "retry",
        "NAME",
        N_("go on with one that is unconfirmed, not watched, or without its file"),
        N_("--may-pay-twice: send an unconfirmed one again, though it may be paid twice"),
        ("--may-pay-twice",),
    ),
    LineWord("explain", "NAME", N_("step by step: what was sent for a clip, what came back, and why")),
    LineWord(
        "adopt",
        "TASK_ID",
        N_("watch and save a task that was made elsewhere, or lost here; free"),
        "--provider P, -o NAME",
        ("--provider", "-o", "--out"),
    ),
    LineWord(
        "history",
        "[WORDS…]",
        N_("all clips of this folder, or those with these words in prompt, name or note"),
        "--starred, --action A, --day 2026-11-22, --since DAY; --all, --folder FOLDER",
        tuple(flag for option in HISTORY_OPTIONS for flag in option.all_flags),
    ),
    LineWord(
        "film",
        "PART…",
        N_("make a film of clips, parts of them, videos and pictures (alone: how)"),
        N_("in a cell, %%luma film, captions go below"),
        tuple(flag for option in FILM_OPTIONS for flag in option.all_flags),
    ),
    LineWord(
        "handin",
        "[NOTEBOOK]",
        N_("one zip to give away: the notebook, its videos, a page that plays them"),
        "-o FILE.zip",
        ("-o", "--out"),
    ),
    LineWord("account", "", N_("what AceDataCloud made and charged for in the last days, known here or not")),
    LineWord("price", "", N_("what a video costs, and what you spent today")),
    LineWord("balance", "", N_("what is left at the services")),
    LineWord(
        "login",
        "SERVICE",
        N_(f"keep a key in your system's keyring ({', '.join(LOGIN_KEYS)})"),
        choices=tuple(LOGIN_KEYS),
    ),
    LineWord("logout", "SERVICE", N_("take it out again"), choices=tuple(LOGIN_KEYS)),
    LineWord("words", "", N_("words for prompts, in English and Chinese")),
    LineWord("doctor", "", N_("is all well here? And if not, what to do")),
    LineWord("studio", "", N_("all of this as forms to fill in")),
    LineWord("help", "[options]", N_("this text; with options: all options of %%luma"), choices=("options",)),
)


def line_words_help() -> str:
    """The words of ``%luma``, one a line."""
    return "\n".join(
        f"{f'%luma {word.word} {word.arguments}'.rstrip():<23} {translated(word.help)}" for word in LINE_WORDS
    )


def line_options_help() -> str:
    """The options of these words, one word a line."""
    return "\n".join(f"{f'%luma {word.word}':<23} {translated(word.more)}" for word in LINE_WORDS if word.more)
