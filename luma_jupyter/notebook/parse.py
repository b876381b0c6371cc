"""From the text of a cell to a typed order: nothing is sent, nothing is evaluated, every mistake is one clear line.

The names of all words and options stand here once; help and completion are made from the same tables.
"""

from __future__ import annotations

import argparse
import keyword
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from luma_jupyter.choices import ACTIONS, ASPECT_RATIOS, PROVIDERS
from luma_jupyter.engine.frames import frame_at
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.files import LocalFile, as_image
from luma_jupyter.models import ExtendRequest, GenerateRequest, ModifyRequest, Request, check_takes
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.orders import Order, read_source
from luma_jupyter.notebook.variables import frame_asked, is_name, lookup_clip

USAGE = "%%luma [generate|extend|modify] [SOURCE] [options]"

# Which actions take an option, where not all do.
ONLY_FOR = {
    "aspect_ratio": ("generate",),
    "loop": ("generate",),
    "enhancement": ("generate",),
    "start_image": ("generate",),
    "end_image": ("generate", "extend"),
    "watermark": ("modify",),
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        options = [option for action in self._actions for option in action.option_strings]
        meant = [close for word in re.findall(r"--[\w-]+", message) for close in get_close_matches(word, options, 1)]
        hint = f" Did you mean {' '.join(meant)}?" if message.startswith("unrecognized") and meant else ""
        usage = (
            "[--all | --folder FOLDER] [--day DAY]" if self.prog == "%luma history" else f"{USAGE}; %%luma? shows all"
        )
        raise InvalidRequest(f"{message}.{hint} Usage: {usage}.")


def make_parser() -> argparse.ArgumentParser:
    """The parser of the line behind ``%%luma``."""
    parser = _Parser(prog="%%luma", add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    add = parser.add_argument
    add("words", nargs="*", default=[])
    add("-o", "--out", metavar="NAME", help="variable that holds the clip, bound at once")
    add("--aspect-ratio", metavar="R", help=f"generate: {', '.join(ASPECT_RATIOS)} (16:9)")
    add("--loop", action="store_true", help="generate: the end joins the start")
    add("--no-enhancement", dest="enhancement", action="store_false", help="generate: keep the prompt as it is")
    add("--start-image", metavar="X", help="generate: first frame; a URL, a path, a variable, or sunset@last")
    add("--end-image", metavar="X", help="generate, extend: last frame, likewise")
    add("--watermark", action="store_true", help="modify: put a watermark in")
    add("--watermark-id", dest="watermark", metavar="ID", help="modify: the watermark with this id")
    add("--callback-url", metavar="URL", help="the service posts the result there too")
    add("--provider", metavar="P", help=f"auto, {', '.join(PROVIDERS)} (auto: by action and key; demo without a key)")
    yes_or_no = argparse.BooleanOptionalAction
    add("--wait", action=yes_or_no, help="stay in the cell until the clip is done (in a notebook: no)")
    add("--embed", action=yes_or_no, help="the finished video in the notebook itself (JupyterLab, Notebook 7: no)")
    add("--timeout", metavar="S", help="seconds to follow the task (900)")
    add("--again", action="store_true", help="make a new video although this request was made before")
    add("--takes", metavar="N", help="so many videos of it, different ones, as one list and one table")
    add("--yes", action="store_true", help="send them unasked, however many and however dear they are")
    add("--dry-run", action="store_true", help="show the request, send nothing")
    return parser


def parse_history(words: list[str]) -> argparse.Namespace:
    """The options behind ``%luma history``: ``all``, ``folder``, ``day``. Raises InvalidRequest."""
    parser = _Parser(prog="%luma history", add_help=False, allow_abbrev=False, usage="%luma history")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--all", action="store_true")
    where.add_argument("--folder")
    parser.add_argument("--day")
    return parser.parse_args(words)


OPTIONS = [option for action in make_parser()._actions for option in action.option_strings]


def options_help() -> str:
    """The options as an indented list, one a line."""
    lines = []
    for action in make_parser()._actions:
        if action.option_strings:
            names = ", ".join(action.option_strings) + (f" {action.metavar}" if action.metavar else "")
            lines.append(f"  {names:<22} {action.help}")
    return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class CellCommand:
    """A ``%%luma`` cell, checked: the order, in so many takes, the variable's name, and what to do with the cell
    meanwhile.

    ``wait``, ``embed`` None: as the settings and the host say. ``yes``: nobody is to be asked.
    """

    order: Order
    takes: int = 1
    yes: bool = False
    out: str | None = None
    wait: bool | None = None
    embed: bool | None = None
    dry_run: bool = False


def parse_cell(line: str, body: str, namespace: Mapping[str, Any]) -> CellCommand:
    """Read a ``%%luma`` cell; variables are looked up in ``namespace``.

    Raises InvalidRequest; then nothing was sent.
    """
    options = vars(make_parser().parse_intermixed_args(split(line)))
    action, source = _action_and_source(options.pop("words"))
    out = options.pop("out", None)
    if out is not None and (not out.isidentifier() or keyword.iskeyword(out)):
        raise InvalidRequest(f"-o {out}: not a name that a variable can have.")
    if isinstance(namespace.get(out or ""), ModuleType):
        raise InvalidRequest(f"-o {out}: this variable holds a module; take another name.")
    common = {
        "wait": options.pop("wait", None),
        "embed": options.pop("embed", None),
        "dry_run": options.pop("dry_run", False),
        "takes": _takes(options.pop("takes", "1")),
        "yes": options.pop("yes", False),
        "out": out,
    }
    delivery = {
        "provider": options.pop("provider", None),
        "timeout": _timeout(options.pop("timeout", None)),
        "again": options.pop("again", False),
    }
    for name in options:
        if action not in ONLY_FOR.get(name, ACTIONS):
            flag = "no-enhancement" if name == "enhancement" else name.replace("_", "-")
            raise InvalidRequest(f"--{flag} goes with {' and '.join(ONLY_FOR[name])}, not with {action}.")
    for name in ("start_image", "end_image"):
        if name in options:
            options[name] = _image(name, options[name], namespace)
    prompt = insert_variables(body, namespace)

    request: Request
    if action == "generate":
        if source is not None:
            raise InvalidRequest(
                f"generate takes no source; did you mean `%%luma extend {source}` or `%%luma modify {source}`?"
            )
        request = GenerateRequest(prompt=prompt, **options)
        return CellCommand(order=Order(request=request, **delivery), **common)
    if source is None:
        raise InvalidRequest(
            f"{action} needs a source: `%%luma {action} NAME`, with a clip's variable, a video id, a URL or a path."
        )
    video, named = read_source(lookup_clip(source, namespace) if is_name(source) else source)
    kind = ExtendRequest if action == "extend" else ModifyRequest
    request = kind(prompt=prompt, source=video, **options)
    return CellCommand(order=Order(request=request, source=named, **delivery), **common)


def write_line(action: str, source: str = "", **options: str | bool | None) -> str:
    """The line behind ``%%luma`` that `parse_cell` reads as these words and options; what is empty is left out.

    Options are called as in what the parser gives: ``out``, ``aspect_ratio``, ``enhancement``, ….
    """
    words = [*([] if action == "generate" else [action]), *([shlex.quote(source)] if source else [])]
    for option in make_parser()._actions:
        value, flag = options.get(option.dest), (option.option_strings or [""])[0]  # the source is no option
        if isinstance(option, argparse._StoreConstAction):
            words += [flag] if value is option.const else []
        elif flag and isinstance(value, str) and value.strip():
            said = shlex.quote(" ".join(value.split()))
            dashed = said.startswith(("-", "'-"))  # the parser would take it for an option
            words += [f"{option.option_strings[-1]}={said}"] if dashed else [flag, said]
    return " ".join(words)


def split(line: str) -> list[str]:
    """The words of a line, quotes honoured as in a shell. Raises InvalidRequest where a quote is left open."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidRequest(f"The line cannot be read ({error}): check its quotes.") from None


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


def _image(name: str, text: str, namespace: Mapping[str, Any]) -> object:
    if asked := frame_asked(text, namespace):
        clip, when = asked
        clip.wait()
        return _frame(clip._file(), when)
    if not text.isidentifier():
        return text
    if text not in namespace:
        raise InvalidRequest(f"--{name.replace('_', '-')} {text}: there is no variable of this name.")
    if namespace[text] is None:
        raise InvalidRequest(f"--{name.replace('_', '-')} {text}: this variable is None, not a picture.")
    return namespace[text]


@lru_cache(maxsize=8)  # a form reads its line again after each change
def _frame(video: Path, when: float | str) -> str | LocalFile:
    return as_image(f"{video.stem}-{when}", frame_at(video, when))


def _takes(text: str) -> int:
    takes = int(text) if text.isascii() and text.isdigit() else text
    check_takes("--takes", takes)
    return int(takes)


def _timeout(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise InvalidRequest(f"--timeout must be a number of seconds, not {text!r}.") from None


def insert_variables(body: str, namespace: Mapping[str, Any]) -> str:
    """Put the values of variables for ``{{name}}``; all else is taken literally. Raises InvalidRequest if undefined."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in namespace:
            raise InvalidRequest(f"The prompt uses {{{{{name}}}}}, but there is no variable {name}.")
        if isinstance(namespace[name], Clip | Clips):
            what = "a clip" if isinstance(namespace[name], Clip) else "a list of clips"
            raise InvalidRequest(f"The prompt uses {{{{{name}}}}}, which is {what}: a prompt takes text.")
        return str(namespace[name])

    return re.sub(r"\{\{\s*([^\W\d]\w*)\s*\}\}", value, body)
