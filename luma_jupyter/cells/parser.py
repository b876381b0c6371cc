"""The line behind ``%%luma``: read into words and options, and written from them. Every mistake is one clear line."""

from __future__ import annotations

import argparse
import re
import shlex
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn

from luma_jupyter.cells.options import OPTIONS
from luma_jupyter.domain.requests import ACTIONS_WITH, check_takes
from luma_jupyter.domain.vocabulary import ACTIONS, PROVIDERS
from luma_jupyter.errors import InvalidRequest

USAGE = "%%luma [generate|extend|modify] [SOURCE] [options]"
ADOPT_USAGE = "%luma adopt TASK_ID [--provider P] [-o NAME]"
HISTORY_USAGE = "%luma history [--all | --folder FOLDER] [--day DAY]"
_ESCAPED = re.compile(r"""\\[\s"']""")


@dataclass(frozen=True)
class CellLine:
    """A line, read: the action, the source as it was typed, and the options that were given, by parameter."""

    action: str
    source: str | None
    options: dict[str, Any]


def read_line(line: str) -> CellLine:
    """Read the line behind ``%%luma``. Raises InvalidRequest."""
    options = vars(_make_parser().parse_intermixed_args(split(line)))
    action, source = _action_and_source(options.pop("words"))
    for name in options:
        if action not in ACTIONS_WITH.get(name, ACTIONS):
            flag = next(option.flags[-1] for option in OPTIONS if option.parameter == name)
            raise InvalidRequest(f"{flag} goes with {' and '.join(ACTIONS_WITH[name])}, not with {action}.")
    if action == "generate" and source is not None:
        raise InvalidRequest(
            f"generate takes no source; did you mean `%%luma extend {source}` or `%%luma modify {source}`?"
        )
    if action != "generate" and source is None:
        raise InvalidRequest(
            f"{action} needs a source: `%%luma {action} NAME`, with a clip's variable, a video id, a URL or a path."
        )
    if "takes" in options:
        options["takes"] = _takes(options["takes"])
    if "timeout" in options:
        options["timeout"] = _timeout(options["timeout"])
    return CellLine(action, source, options)


def write_line(action: str, source: str = "", **values: str | bool) -> str:
    """The line that `read_line` reads as these words and options, by the options' names; what is empty is left out."""
    words = [*([] if action == "generate" else [action]), *([shlex.quote(source)] if source else [])]
    for option in OPTIONS:
        value = values.get(option.name)
        if not option.metavar:
            words += [option.flags[0]] if value is option.const else []
        elif isinstance(value, str) and value.strip():
            quoted = shlex.quote(" ".join(value.split()))
            looks_like_option = quoted.startswith(("-", "'-"))  # the parser would take it for one
            words += [f"{option.flags[-1]}={quoted}"] if looks_like_option else [option.flags[0], quoted]
    return " ".join(words)


def read_history_options(words: list[str]) -> argparse.Namespace:
    """The options behind ``%luma history``: ``all``, ``folder``, ``day``. Raises InvalidRequest."""
    parser = _Parser(HISTORY_USAGE)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--all", action="store_true")
    where.add_argument("--folder")
    parser.add_argument("--day")
    return parser.parse_args(words)


def read_adopt_options(words: list[str]) -> argparse.Namespace:
    """What stands behind ``%luma adopt``: ``task_id``, ``provider``, ``out``. Raises InvalidRequest."""
    parser = _Parser(ADOPT_USAGE)
    parser.add_argument("task_id")
    parser.add_argument("--provider", choices=PROVIDERS)
    parser.add_argument("-o", "--out")
    return parser.parse_args(words)


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
    except ValueError as error:
        raise InvalidRequest(f"The line cannot be read ({error}): check its quotes.") from None


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are ours."""

    def __init__(self, usage: str) -> None:
        super().__init__(usage="luma", add_help=False, allow_abbrev=False, argument_default=None)
        self._usage = usage

    def error(self, message: str) -> NoReturn:
        options = [option for action in self._actions for option in action.option_strings]
        meant = [close for word in re.findall(r"--[\w-]+", message) for close in get_close_matches(word, options, 1)]
        hint = f" Did you mean {' '.join(meant)}?" if message.startswith("unrecognized") and meant else ""
        raise InvalidRequest(f"{message}.{hint} Usage: {self._usage}.")


def _make_parser() -> _Parser:
    parser = _Parser(f"{USAGE}; %%luma? shows all")
    parser.add_argument("words", nargs="*", default=[])
    for option in OPTIONS:
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
    if not actions and others and (meant := get_close_matches(others[0], ACTIONS, 1)):
        raise InvalidRequest(f"There is no action {others[0]}: did you mean {meant[0]}?")
    if len(actions) > 1 or len(others) > 1:
        raise InvalidRequest(
            f"Too many words: {' '.join(words)}. Usage: {USAGE}; the prompt goes into the cell's body."
        )
    return actions[0] if actions else "generate", others[0] if others else None


def _takes(text: str) -> int:
    takes = int(text) if text.isascii() and text.isdigit() else text
    check_takes("--takes", takes)
    return int(takes)


def _timeout(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRequest(f"--timeout must be a number of seconds, not {text!r}.") from None
