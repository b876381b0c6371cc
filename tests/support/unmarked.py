"""A pytest plugin: lets a run fail where an error of the package said what no message of its catalogues covers.

Such a text would stay English in every language. What errors say is collected while the tests run, each text once;
what is unknown is told at the end.
"""

from __future__ import annotations

import sys
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from luma_jupyter import errors
from luma_jupyter.languages import _SENTENCES, _Catalogue
from tests.support.messages import template

MANY = 100  # tests of a run that is worth the two seconds
# What is said there is what was said before: read from a record, or of another error.
REPEATING = tuple(
    f"luma_jupyter.{name}" for name in ("engine.store.serialization", "engine.library.folder", "gateway.submissions")
)
said: dict[str, str] = {}  # each text, with where it was made first


def note_errors() -> None:
    """Collect from now on what the package's own code lets its errors say."""
    with_message = errors.with_message

    def begin(self: errors.LumaError, *args: Any, **facts: Any) -> None:
        note(*args[:1])
        super(errors.LumaError, self).__init__(*args, **facts)

    def noted(error: Exception, message: str) -> Exception:
        note(message)
        return with_message(error, message)

    errors.LumaError.__init__ = begin  # type: ignore[assignment, method-assign]
    for module in list(sys.modules.values()):
        if getattr(module, "with_message", None) is with_message:
            module.with_message = noted  # type: ignore[attr-defined]


def note(text: object = "") -> None:
    """Collect what an error says, where the package makes it."""
    if isinstance(text, str) and text not in said:
        said[text] = _maker()


def _maker() -> str:
    """The line of the package that makes an error now; empty where it was a test, or where it repeats what was said."""
    frame = sys._getframe(1)
    while frame.f_back and (module := frame.f_globals["__name__"]) in (errors.__name__, __name__):
        frame = frame.f_back
    return f"{module}:{frame.f_lineno}" if module.startswith("luma_jupyter.") and module not in REPEATING else ""


def unmarked(texts: dict[str, str]) -> list[str]:
    """Which of the texts no message of the package covers, each after where it was made."""
    catalog = Catalog(locale="en")
    for message in template():
        catalog.add(message.id, message.id)  # its own translation
    file = BytesIO()
    write_mo(file, catalog)
    file.seek(0)
    known = _Catalogue(file)

    def is_name(text: str) -> bool:
        """Whether it is what a sentence is about, such as ``storm@9:``."""
        return text.endswith(":") and " " not in text

    @cache
    def is_covered(text: str) -> bool:
        """Whether it is one message, of which more is known than its slots, or sentences that are messages each."""
        if text in known._catalog:
            return True
        for pattern in known.patterns:
            if match := pattern.regex.fullmatch(text):
                values = dict(zip(pattern.slots, match.groups(), strict=True))
                if pattern.letters or any(is_covered(values[name]) for name in pattern.ours):
                    return True
        parts = [(text[: end.start()], text[end.end() :]) for end in _SENTENCES.finditer(text)]
        return any(is_covered(last) and (is_covered(first) or is_name(first)) for first, last in parts)

    return sorted(f"{place}: {text}" for text, place in texts.items() if text and place and not is_covered(text))


def pytest_configure(config: pytest.Config) -> None:
    """Begin."""
    note_errors()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker has collected."""
    said.update(getattr(node, "workeroutput", {}).get("said", {}))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what a worker has collected; else look at all of it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["said"] = {text.encode(errors="replace").decode(): place for text, place in said.items() if place}
    elif session.testscollected >= MANY and (left := unmarked(said)):
        session.config.stash[_LEFT] = left
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


_LEFT = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which texts are unknown."""
    if left := terminalreporter.config.stash.get(_LEFT, []):
        terminalreporter.section("what errors say, and no message of the catalogues covers (tests/support/unmarked.py)")
        terminalreporter.write("".join(f"{line}\n" for line in left))
