"""Extracts the messages of the package for its catalogues, and brings those up to date.

Python's are arguments of ``_``, ``ngettext`` and ``N_``, what errors say, and what is written down of a task. An
f-string is the message with a slot for each expression, by its name; one without a name has a number. Scripts and
templates call ``_`` and ``ngettext`` with texts in double quotes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import luma_jupyter
from luma_jupyter import __version__, errors
from luma_jupyter.languages import CALLS, LANGUAGES

PACKAGE = Path(luma_jupyter.__file__).parent
LOCALE = PACKAGE / "locale"
METHODS = [
    ("locale/**", "ignore"),
    ("**.py", f"{__name__}:python_messages"),
    ("**.js", f"{__name__}:script_messages"),
    ("**.html", f"{__name__}:script_messages"),
]
MARKS = {"_": 1, "N_": 1, "ngettext": 2}  # functions, and how many messages each takes
KEPT = {"problem", "making", "upload"}  # what a task's snapshot says in words
ERRORS = {*errors.__all__, "with_message"}

Found: TypeAlias = tuple[int, str, Any, list[str]]  # as Babel wants it: line, function, messages, comments


def python_messages(
    file: BytesIO, keywords: Collection[str], tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """The messages of a module."""
    for node in ast.walk(ast.parse(file.read())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in MARKS:
            texts = [text for argument in node.args[: MARKS[name]] for text in texts_of(argument)]
            if name == "ngettext":
                yield node.lineno, "ngettext", tuple(texts), []
                continue
        elif name in ERRORS:
            texts = [text for argument in node.args for text in texts_of(argument)]
        else:
            texts = [text for word in node.keywords if word.arg in KEPT for text in texts_of(word.value)]
        for text in texts:
            if name in MARKS or re.search("[a-z]{2}", re.sub(r"\{\w+\}", "", text)):
                yield node.lineno, "", text, []


def texts_of(node: ast.expr) -> Iterator[str]:
    """The messages that an expression may be."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield _message(parts)
        case ast.IfExp(body=one, orelse=other):
            yield from texts_of(one)
            yield from texts_of(other)


def _message(parts: list[ast.expr]) -> str:
    texts: list[str] = []
    slots: dict[str, str] = {}  # each with its expression
    for part in parts:
        if isinstance(part, ast.FormattedValue):
            source = ast.unparse(part.value)
            name = _name(part.value)
            if name is None or slots.get(name, source) != source:
                name = str(len(slots))
            slots[name] = source
            texts.append(f"{{{name}}}")
        else:
            assert isinstance(part, ast.Constant)
            texts.append(part.value)
    return "".join(texts)


def _name(node: ast.expr) -> str | None:
    """By which a translator knows a value: a variable, an attribute, or the only argument of a call."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return "type" if name == "__name__" else name.strip("_")
        case ast.Call(args=[argument], keywords=[]):
            return _name(argument)
    return None


def script_messages(
    file: BytesIO, keywords: Collection[str], tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """The messages of a script or a template."""
    for number, line in enumerate(file.read().decode().splitlines(), 1):
        for one, many in CALLS.findall(line):
            yield (number, "ngettext", (one, many), []) if many else (number, "", one, [])


def template() -> Catalog:
    """All messages of the package, in the order of its files."""
    catalog = Catalog(
        project="luma_jupyter", version=__version__, msgid_bugs_address="see CONTRIBUTING.md", fuzzy=False
    )
    for path, line, message, _, context in extract_from_dir(PACKAGE, METHODS):
        catalog.add(message, None, [(f"luma_jupyter/{path}", line)], context=context)
    return catalog


def path_of(language: str) -> Path:
    """The catalogue of a language."""
    return LOCALE / language / "LC_MESSAGES" / "luma_jupyter.po"


def read(language: str) -> Catalog:
    """The catalogue of a language, as it is in the repository."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str) -> Catalog:
    """The catalogue of a language with the messages of today; what is new is empty, what is gone is gone."""
    catalog, old = template(), read(language)
    for name in ("locale", "header_comment", "creation_date", "revision_date", "last_translator", "language_team"):
        setattr(catalog, name, getattr(old, name))
    for message in catalog:
        if message.id and message.id in old:
            message.string = old[message.id].string
    return catalog


def compiled(catalog: Catalog) -> bytes:
    """A catalogue as gettext reads it."""
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def main() -> None:
    """Update and compile the catalogue of each language but English, and say what is missing."""
    for language in sorted(set(LANGUAGES) - {"en"}):
        path, catalog = path_of(language), updated(language)
        with path.open("wb") as file:
            write_po(file, catalog, width=120, include_lineno=False)
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        empty = [message for message in catalog if message.id and not any(message.string or "")]
        print(f"{language}: {len(catalog)} messages, {len(empty)} without a translation")


if __name__ == "__main__":
    main()
