"""Keys and the maker's folders, taken out of what others get; and found where they cannot be taken out.

A key is known by its value, by the name of the variable that stands before it, or by the header that it stands in. In
base64, as files in a notebook are, a key that is known is found at any place, but what it is part of cannot be mended.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from luma_jupyter.languages import N_, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.settings import HUB_TOKEN, LOGIN_KEYS, variable

KEY = "‹key›"
SHORTEST = 8  # characters of a key that is looked for; a shorter one would be found in any word
_KEY_SETTINGS = (*LOGIN_KEYS.values(), "gateway_token")
KEY_VARIABLES = (*map(variable, _KEY_SETTINGS), HUB_TOKEN)
_NAMES = "|".join(map(re.escape, (*KEY_VARIABLES, *_KEY_SETTINGS)))
_QUOTE = r"(?:\\?[\"']|&quot;|&#x27;|&#39;)"
_DIGIT = r"(?=[A-Za-z._~+/=-]*\d)"
_BARE = rf"{_DIGIT}[A-Za-z0-9._~+/=-]"
# What stands behind the name of one of our variables: in quotes anything, without quotes what looks like a key.
_NAMED = re.compile(
    rf"(?P<before>\b(?P<name>{_NAMES})\b(?:{_QUOTE}|[\])])*\s*[=:,]\s*[rbfRBF]?{_QUOTE})"
    rf"[^\s\"'<>‹›]{{{SHORTEST},}}?(?={_QUOTE}|\s|$)",
    re.IGNORECASE,
)
_SET = re.compile(
    rf"(?P<before>(?:\b(?P<name>{'|'.join(KEY_VARIABLES)})\s*[=:]\s*|(?:%env|%set_env|setx)\s+"
    rf"(?:{'|'.join(KEY_VARIABLES)})[\s=]+)){_BARE}{{12,}}"
)
_HEADER = re.compile(
    rf"(?P<before>authorization{_QUOTE}?\s*[=:,]\s*{_QUOTE}?\s*(?:bearer|basic|token)\s+)[^\s\"'<>‹›{{}}$&\\]{{6,}}"
    rf"|(?P<bearer>\bbearer\s+){_BARE}{{16,}}",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?P<before>\bhttps?://)[^\s/:@\"'<>‹›]+:[^\s/@\"'<>‹›]+(?=@)", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w<:/\\.~-])(?:[A-Za-z]:)?[/\\][^\s\"'<>|*?]*")
_COLOURS = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
_DATA_URI = re.compile(r"(data:[\w.+/-]+(?:;[\w=.-]+)*;base64,[A-Za-z0-9+/=]+)")
_BINARY = re.compile(r"^(?:image/(?!svg)|video/|audio/|application/(?:pdf|octet-stream))")
_LINES = ("source", "text")  # what a notebook keeps as lines of one text; outputs keep what has a MIME type so

Rule: TypeAlias = tuple[str, "re.Pattern[str]", "str | Callable[[re.Match[str]], str]"]


@dataclass(frozen=True)
class Maker:
    """Who hands in: the ``keys`` of this kernel by what they are called, the home folder, the ``names`` of the user,
    and the ``folders`` of the notebook."""

    keys: Mapping[str, str]
    home: Path
    names: Sequence[str]
    folders: Sequence[Path]

    @cached_property
    def _rules(self) -> list[Rule]:
        """What is masked: what to call it in English, how it is found, and what takes its place."""
        known = [(name, _any_of(_written(key)), KEY) for name, key in self.keys.items() if len(key) >= SHORTEST]
        places = [(N_("the notebook's folder"), folder, ".") for folder in self.folders]
        places.append((N_("your home folder"), self.home, "~"))
        paths = [(what, _folder(place), put) for what, place, put in places if place != Path(place.anchor)]
        return [
            *known,
            (N_("a key"), _NAMED, rf"\g<before>{KEY}"),
            (N_("a key"), _SET, rf"\g<before>{KEY}"),
            (N_("a key in a header"), _HEADER, lambda found: f"{found['before'] or found['bearer']}{KEY}"),
            (N_("a password in an address"), _LOGIN, r"\g<before>‹login›"),
            *paths,
            (N_("your user name"), _PATH, self._without_names),
        ]

    def _without_names(self, path: re.Match[str]) -> str:
        names = "|".join(map(re.escape, filter(None, self.names)))
        return re.sub(rf"(?<=[/\\])(?:{names})(?=[/\\]|$)", "‹user›", path[0]) if names else path[0]

    @cached_property
    def _hidden(self) -> list[str]:
        forms = [form for key in self.keys.values() if len(key) >= SHORTEST for form in _encoded(key)]
        return [form for form in forms if len(form) >= SHORTEST]

    def mask(self, text: str) -> tuple[str, list[str]]:
        """A text without what is the maker's alone, and what was taken out. Files inside of it stay as they are."""
        plain = _COLOURS.sub("", text)
        parts, found = _DATA_URI.split(plain), []
        for number in range(0, len(parts), 2):  # between them are the files
            for what, pattern, put in self._rules:
                changed = pattern.sub(put, parts[number])
                if changed != parts[number]:
                    parts[number] = changed
                    found.append(what)
        return ("".join(parts), list(dict.fromkeys(found))) if found else (text, [])

    def hides_key(self, text: str) -> bool:
        """Whether a key is in a text as part of a file, in hex or backwards, where it cannot be masked."""
        packed = re.sub(r"\s+", "", text)
        return any(form in packed for form in self._hidden)

    def leaks(self, text: str) -> bool:
        """Whether a key is in what is handed in, in any way."""
        plain = [form for key in self.keys.values() if len(key) >= SHORTEST for form in _written(key)]
        return self.hides_key(text) or any(form in text for form in plain)


def _written(key: str) -> set[str]:
    """A key as it stands in texts, addresses, HTML and JSON."""
    return {key, quote(key), quote(key, safe=""), escape(key), json.dumps(key)[1:-1], key.replace("/", "\\/")}


def _encoded(key: str) -> Iterator[str]:
    """What a key looks like in base64 wherever it stands in a file, in hex, and backwards."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            yield encode(bytes(offset) + key.encode()).decode()[4 if offset else 0 : -4]
    yield key.encode().hex()
    yield key[::-1]


def _any_of(forms: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))


def _folder(path: Path) -> re.Pattern[str]:
    """A folder as it is written, with single and double backslashes, and in addresses; not the beginning of a name."""
    address = quote(os.fsencode(path.as_posix()))  # its name may have odd bytes
    written = {str(path), path.as_posix(), str(path).replace("\\", "\\\\"), address}
    return re.compile(rf"(?<!\w)(?:{_any_of(written).pattern})(?![\w-]|\.\w)")


@dataclass(frozen=True)
class Masked:
    """A notebook's content for others; ``told`` says what was masked where; ``hidden``: the cells with a key that
    cannot be masked, in English words."""

    content: dict[str, Any]
    told: list[str]
    hidden: list[str]


def mask_notebook(content: Mapping[str, Any], maker: Maker) -> Masked:
    """A copy of a notebook's content without keys and the maker's folders."""
    found: dict[str, list[str]] = {}
    hidden: list[str] = []
    cells = []
    for number, cell in enumerate(content["cells"], 1):
        copy = _Copy(maker)
        cells.append(copy.of(cell))
        place = N_(f"cell {number}")
        for what in dict.fromkeys(copy.found):
            found.setdefault(what, []).append(place)
        hidden += [place] if copy.is_hiding else []
    rest, metadata = _Copy(maker), N_("the notebook's settings")
    others = {name: rest.of(value, name) for name, value in content.items() if name != "cells"}
    for what in dict.fromkeys(rest.found):
        found.setdefault(what, []).append(metadata)
    told = [told_masked(what, ", ".join(map(translated, places))) for what, places in found.items()]
    return Masked({**others, "cells": cells}, told, [*hidden, *([metadata] if rest.is_hiding else [])])


def told_masked(what: str, where: str) -> str:
    """The line on what was masked, which is called so in English, and where that is."""
    return _("Masked in the copy: {what} ({where}).").format(what=translated(what), where=where)


class _Copy:
    """Makes the copy of a part of a notebook, and notes what was in it."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self.found: list[str] = []
        self.is_hiding = False

    def of(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {self._text(one): self.of(inner, one) for one, inner in value.items()}
        if isinstance(value, list):
            if (name in _LINES or "/" in name) and all(isinstance(line, str) for line in value):
                whole = "".join(value)
                masked = self._text(whole, name)
                return value if masked == whole else masked.splitlines(keepends=True)
            return [self.of(one) for one in value]
        return self._text(value, name) if isinstance(value, str) else value

    def _text(self, text: str, mime: str = "") -> str:
        self.is_hiding |= self._maker.hides_key(text)
        if _BINARY.match(mime):
            return text
        masked, found = self._maker.mask(text)
        self.found += found
        return masked
