"""The line behind ``%%luma``: read into words and options, and written from them. Every mistake is one clear line.

Where the prompt stands in that line, the answer is the cell that was meant, ready to be copied.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from luma_jupyter.cells.options import FILM_OPTIONS, HISTORY_OPTIONS, LINE_WORDS, OPTIONS, Option
from luma_jupyter.domain.requests import ACTIONS_WITH, check_takes
from luma_jupyter.domain.vocabulary import ACTIONS
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.views.text import short

USAGE = "%%luma [generate|extend|modify] [SOURCE] [options]"
FILM_USAGE = "%luma film PART… [options]"
ADOPT_USAGE = "%luma adopt TASK_ID [--provider P] [-o NAME]"
HISTORY_USAGE = "%luma history [WORDS…] [--starred] [--action A] [--day DAY] [--since DAY] [--all | --folder FOLDER]"
HANDIN_USAGE = "%luma handin [NOTEBOOK] [-o FILE.zip]"
RETRY_USAGE = "%luma retry NAME [--may-pay-twice]"
HELP = "%luma help"

_ESCAPED = re.compile(r"""\\[\s"']""")
_DASHES = "‐‑‒–—―−－"  # what programs and keyboards make of hyphens
_QUOTES = ('""', "''", "“”", "‘’", "„“", "«»")
_WITH_VALUE = frozenset(flag for option in OPTIONS if option.metavar for flag in option.flags)
_SURE = 0.9  # how alike a word has to be to one of ours, where it may be the first one of a prompt


@dataclass(frozen=True)
class CellLine:
    """A line, read: the action, the source as it was typed, and the options that were given, by parameter."""

    action: str
    source: str | None
    options: dict[str, Any]


def read_line(line: str, body: str = "") -> CellLine:
    """Read the line behind ``%%luma``; ``body`` is what stands below it. Raises InvalidRequest."""
    words, options, typed = _parse(line, body)
    if words[:1] == ["film"]:
        raise InvalidRequest("The word film comes first, and options after it: `%%luma film PART…`.")
    if _has_prompt(words):
        raise _misplaced(line, body)
    action, source = _action_and_source(words)
    for name in options:
        if action not in ACTIONS_WITH.get(name, ACTIONS):
            option, actions = typed[name], ", ".join(ACTIONS_WITH[name])
            raise InvalidRequest(f"{option} goes with {actions}, not with {action}.")
    if action == "generate" and source is not None:
        raise InvalidRequest(
            f"A new video has no source. Did you mean `%%luma extend {source}`, `%%luma modify {source}`, or "
            f"`%%luma -o {source}`?"
        )
    if action != "generate" and source is None:
        raise InvalidRequest(
            f"{action} needs a source: `%%luma {action} NAME`. NAME is a clip's variable, a video id, a URL or a path."
        )
    if "takes" in options:
        options["takes"] = _takes(options["takes"])
    if "timeout" in options:
        options["timeout"] = _number("--timeout", options["timeout"])
    return CellLine(action, source, options)


def _parse(line: str, body: str = "") -> tuple[list[str], dict[str, Any], dict[str, str]]:
    """The words of a line, its options, and these as they were typed; the latter two by parameter."""
    try:
        words = split(line)
    except InvalidRequest:
        if len(_prompt_in(line).words) > 1:  # it was an apostrophe
            raise _misplaced(line, body) from None
        raise
    parser = _make_parser(OPTIONS, USAGE, "%luma help options")
    typed = parser.typed(words)
    options = vars(parser.parse_intermixed_args(words))
    return options.pop("words"), options, typed


def write_line(action: str, source: str = "", **values: str | bool) -> str:
    """The line that `read_line` reads as these words and options, by the options' names; what is empty is left out."""
    words = [*([] if action == "generate" else [action]), *([_quoted(source)] if source else [])]
    for option in OPTIONS:
        value = values.get(option.name)
        if not option.metavar:
            words += [option.flags[0]] if value is option.const else []
        elif isinstance(value, str) and value.strip():
            quoted = _quoted(value)
            looks_like_option = quoted.startswith(("-", "'-"))  # the parser would take it for one
            words += [f"{option.flags[-1]}={quoted}"] if looks_like_option else [option.flags[0], quoted]
    return " ".join(words)


def _quoted(value: str) -> str:
    """A value as one word of a line, to the letter but for what would end the line."""
    return shlex.quote(" ".join(value.strip().splitlines()))


def read_film_words(words: list[str]) -> tuple[list[str], dict[str, Any]]:
    """What stands behind ``film``: the words for its parts, and its options, by parameter. Raises InvalidRequest."""
    options = vars(_make_parser(FILM_OPTIONS, FILM_USAGE, "%luma film").read(words))
    parts = options.pop("words")
    if not parts:
        raise InvalidRequest(
            f"Say of what: {FILM_USAGE}. A PART is a clip, some of it (storm@1-4.5), or a path; %luma film shows all."
        )
    for name in ("fade", "fps"):
        if name in options:
            options[name] = _number(f"--{name}", options[name])
    return parts, options


def read_history_options(words: list[str]) -> tuple[str | None, dict[str, Any]]:
    """What stands behind ``%luma history``: the folder, and what is looked for there. Raises InvalidRequest."""
    options = vars(_make_parser(HISTORY_OPTIONS, HISTORY_USAGE).read(words))
    return options.pop("folder", None), {"search": " ".join(options.pop("words")), **options}


def read_adopt_options(words: list[str]) -> argparse.Namespace:
    """What stands behind ``%luma adopt``: ``task_id``, ``provider``, ``out``. Raises InvalidRequest."""
    parser = _Parser(ADOPT_USAGE)
    parser.add_argument("task_id", nargs="?")
    parser.add_argument("--provider")
    parser.add_argument("-o", "--out")
    options = parser.read(words)
    if options.task_id is None:
        raise InvalidRequest(f"Say which task: {ADOPT_USAGE}.")
    return options


def read_handin_options(words: list[str]) -> argparse.Namespace:
    """What stands behind ``%luma handin``: ``notebook``, ``out``. Raises InvalidRequest."""
    parser = _Parser(HANDIN_USAGE)
    parser.add_argument("notebook", nargs="?")
    parser.add_argument("-o", "--out")
    return parser.read(words)


def read_retry_options(words: list[str]) -> argparse.Namespace:
    """What stands behind ``%luma retry``: ``names``, ``may_pay_twice``. Raises InvalidRequest."""
    parser = _Parser(RETRY_USAGE)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--may-pay-twice", action="store_true")
    return parser.read(words)


# What was meant.


@dataclass(frozen=True)
class _Prompt:
    """A prompt that stands in a line: its ``words``, and all else as the ``head`` of the cell that was meant."""

    head: str
    words: list[str]

    @property
    def text(self) -> str:
        """The prompt as it was typed, but for quotes around the whole."""
        text = " ".join(self.words)
        return text[1:-1] if text[:1] + text[-1:] in _QUOTES and len(text) > 1 else text


def missing_prompt(line: str) -> InvalidRequest:
    """What to say of a cell with nothing below this line. Raises InvalidRequest for a mistake in its options."""
    _parse(line)
    prompt = _prompt_in(line)
    if prompt.words:
        return _misplaced(line, "")
    line = prompt.head
    return InvalidRequest(f"The prompt is empty: write below `{line}` what the video should show.")


def unknown_word(line: str, body: str = "") -> InvalidRequest:
    """What to say of a ``%luma`` line that begins with none of our words; ``body`` is what stands below it."""
    prompt = _prompt_in(line)
    if body.strip() or _has_prompt(_separate(_typed_words(line))[0]):
        return _misplaced(line, body)
    words = [known.word for known in LINE_WORDS]
    first = line.split()[0]
    cell = f"`{prompt.head}`" if prompt.head != "%%luma" else "%%luma"
    if close := get_close_matches(first.lower(), words, 1, 0.7):
        meant = close[0]
        return InvalidRequest(
            f"There is no %luma {first}: did you mean {meant}? To make a video, begin the cell with {cell} and write "
            "the prompt on the lines below."
        )
    known_words = ", ".join(words)
    return InvalidRequest(
        f"There is no %luma {first}; there are {known_words}. To make a video, begin the cell with {cell} and write "
        "the prompt on the lines below."
    )


def misplaced_captions(line: str, captions: str) -> InvalidRequest:
    """What to say of a ``%luma film`` line with captions below it."""
    cell = f"%%luma {line}\n{captions.rstrip()}"
    return InvalidRequest(f"Captions go below %%luma, with two percent signs, like this:\n\n{cell}")


def _misplaced(line: str, body: str) -> InvalidRequest:
    prompt = _prompt_in(line)
    cell = "\n".join(filter(None, [prompt.head, prompt.text, body.strip("\n")]))
    return InvalidRequest(f"The prompt goes on the lines below %%luma, like this:\n\n{cell}")


def _has_prompt(words: list[str]) -> bool:
    """Whether there are more words than an action and a source, or several in quotes."""
    others = [word for word in words if word not in ACTIONS]
    if words and words[0] not in ACTIONS and get_close_matches(words[0], ACTIONS, 1, _SURE):
        return False
    return len(others) > 1 or (words == others and any(len(word.split()) > 1 for word in words))


def _prompt_in(line: str) -> _Prompt:
    """The prompt that may be in a line: what comes behind options, action and source."""
    words, options = _separate(_typed_words(line))
    before = 0
    if words and words[0] in ACTIONS:
        before = 1 if words[0] == "generate" else 2
    return _Prompt(" ".join(["%%luma", *words[:before], *options]), words[before:])


def _separate(words: list[str]) -> tuple[list[str], list[str]]:
    """Words, and options with their values."""
    others, options = [], []
    rest = iter(words)
    for word in rest:
        if not re.match(r"--?[A-Za-z]", word):  # dashes stand in prompts, too
            others.append(word)
            continue
        options.append(word)
        if word in _WITH_VALUE:
            options += [value for value in [next(rest, "")] if value]
    return others, options


def _typed_words(line: str) -> list[str]:
    """The words of a line with their quotes; an apostrophe is no quote."""
    try:
        return shlex.split(line, posix=False)
    except ValueError:
        return line.split()


def split(line: str) -> list[str]:
    r"""The words of a line, quotes honoured as in a shell.

    Backslashes stay, as in the paths of Windows (``pics\new.png``), unless one stands before a quote or a space.
    Raises InvalidRequest where a quote is left open.
    """
    if _ESCAPED.search(line):
        with suppress(ValueError):  # such as for "C:\pics\" with its quotes, where nothing is meant to be escaped
            return shlex.split(line)
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        raise InvalidRequest("A quote in this line is not closed: check its quotes.") from None


def looks_like_option(word: str) -> bool:
    """Whether somebody who wrote this meant an option."""
    return word.startswith(("-", *_DASHES))


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours."""

    def __init__(self, usage: str, more: str = HELP) -> None:
        super().__init__(usage="luma", add_help=False, allow_abbrev=False, argument_default=None)
        self._usage = usage
        self._more = more  # the line that shows all

    def error(self, message: str) -> NoReturn:
        """Raise InvalidRequest with what argparse says, in words of ours."""
        usage, more = self._usage, self._more
        about, _, rest = message.partition(": ")
        if about.startswith("argument "):
            option = about.removeprefix("argument ")
            if rest.startswith("expected"):
                raise InvalidRequest(f"{option} needs a value. Usage: {usage}; {more} shows all.")
            raise InvalidRequest(f"{option} takes no value. Usage: {usage}; {more} shows all.")
        unknown = " ".join(word for word in rest.split() if looks_like_option(word))
        if not unknown:
            raise InvalidRequest(f"Too many words: {rest}. Usage: {usage}; {more} shows all.")
        options = [option for action in self._actions for option in action.option_strings]
        close = [meant for word in unknown.split() for meant in get_close_matches(word, options, 1)]
        if meant := " ".join(close):
            raise InvalidRequest(
                f"There is no option {unknown}: did you mean {meant}? Usage: {usage}; {more} shows all."
            )
        raise InvalidRequest(f"There is no option {unknown}. Usage: {usage}; {more} shows all.")

    def read(self, words: list[str]) -> argparse.Namespace:
        """What these words say. Raises InvalidRequest."""
        self.typed(words)
        return self.parse_intermixed_args(words)

    def typed(self, words: list[str]) -> dict[str, str]:
        """The options in these words as they were typed, by what they set.

        Raises InvalidRequest for one that is there twice, and for one that begins with a dash that is no hyphen.
        """
        sets = {flag: action.dest for action in self._actions for flag in action.option_strings}
        typed: dict[str, str] = {}
        for word in words:
            flag = word.partition("=")[0]
            if flag.startswith(tuple(_DASHES)) and (meant := _with_hyphens(flag, list(sets))):
                raise InvalidRequest(f"{word} does not begin with a hyphen: write {meant}.")
            if flag not in sets:
                continue
            if earlier := typed.get(sets[flag]):
                raise InvalidRequest(
                    f"{flag} is there twice: take one of them out."
                    if earlier == flag
                    else f"{earlier} and {flag} do not go together: take one of them out."
                )
            typed[sets[flag]] = flag
        return typed


def _with_hyphens(word: str, flags: list[str]) -> str | None:
    """The option that was meant by a word with another dash; None where it may be a word of a prompt."""
    name = word.lstrip(_DASHES + "-")
    begun = [flag for flag in flags if len(name) > 2 and flag.startswith(f"--{name}")]
    if f"-{name}" in flags:
        return f"-{name}"
    return next(iter(begun or get_close_matches(f"--{name}", flags, 1, 0.8)), None)


def _make_parser(options: Iterable[Option], usage: str, more: str = HELP) -> _Parser:
    parser = _Parser(usage, more)
    parser.add_argument("words", nargs="*", default=[])
    for option in options:
        kind: dict[str, Any] = {"metavar": option.metavar}
        if option.negatable:
            kind = {"action": argparse.BooleanOptionalAction}
        elif not option.metavar:
            kind = {"action": "store_const", "const": option.const}
        parser.add_argument(*option.flags, dest=option.parameter, default=argparse.SUPPRESS, **kind)
    return parser


def _action_and_source(words: list[str]) -> tuple[str, str | None]:
    actions = [word for word in words if word in ACTIONS]
    others = [word for word in words if word not in ACTIONS]
    if not actions and others and (close := get_close_matches(others[0], ACTIONS, 1)):
        first, meant = others[0], close[0]
        raise InvalidRequest(f"There is no action {first}: did you mean {meant}?")
    if len(actions) > 1 or len(others) > 1:
        typed = short(" ".join(words), 60)
        raise InvalidRequest(f"Too many words: {typed}. Usage: {USAGE}; the prompt goes on the lines below.")
    return actions[0] if actions else "generate", others[0] if others else None


def _takes(text: str) -> int:
    takes = int(text) if text.isascii() and text.isdigit() else text
    check_takes("--takes", takes)
    return int(takes)


def _number(flag: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRequest(f"{flag} must be a number, not {text!r}.") from None
