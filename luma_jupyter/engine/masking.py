"""From what was seen on the wire to what may be kept and shown: headers by an allow-list, no keys, no signed addresses,
no bytes of files, and never more than a few kilobytes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from html import escape
from typing import Any
from urllib.parse import quote, urlsplit

from luma_jupyter.domain.exchange import Exchange
from luma_jupyter.domain.secret import Login, Secret
from luma_jupyter.domain.urls import is_web_url, shown_url, split_login
from luma_jupyter.providers.exchanges import Purpose, Seen

LONGEST = 8000  # characters of a body, and of an answer
LONGEST_HEADER = 200  # characters
YOUR_KEY = "‹your key›"
HIDDEN = "‹not shown›"
# What may be shown of headers, as they are called; of all others nothing is kept.
SHOWN_HEADERS = {
    name.lower(): name
    for name in (
        *(
            "Idempotency-Key",
            "Content-Type",
            "Accept",
            "Content-Length",
            "Range",
            "Content-Range",
            "Retry-After",
            "Date",
        ),
        *("X-Luma-Take", "X-Luma-Lesson", "X-Request-Id", "X-Trace-Id", "Trace-Id", "Request-Id", "X-RunAPI-Task-Id"),
    )
}
_MARGIN = 8000  # characters beyond what is kept, so that no key is cut in two before it is found
_LARGEST = 1_000_000  # bytes of an answer that is read as JSON
_ADDRESS = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_SECRET_NAME = (
    r"(?:[a-z0-9]+[_-])*"
    r"(?:authorization|token|secret|password|passwd|signature|credential|api[_-]?key|signed[_-]?id)"
)
_RANDOM = r"(?=[^\s\"']*\d)[\w.~+/=-]{12,}"  # no word of a prompt
_NAMED = re.compile(_SECRET_NAME, re.IGNORECASE)
# What looks like a key wherever it stands: behind Bearer or Basic, behind such a name, JSON Web Tokens, and the forms
# that services give their keys.
_KEYS = re.compile(
    rf"(?P<before>\b(?:bearer|basic)\s+){_RANDOM}"
    rf"|(?P<name>\b{_SECRET_NAME}[\"']?\s*[:=]\s*[\"']?){_RANDOM}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|\b(?:sk|pk|rk|ghp|gho|xox[abp]|platform|key|token)[-_][\w-]{16,}",
    re.IGNORECASE,
)


def masked(seen: Seen, purpose: Purpose, others: int, keys: Collection[Secret]) -> Exchange:
    """What was seen, as it may be kept for one of the clips that it was for.

    Of a look-up for many clips, it is what concerns this one. ``keys`` are those of this kernel.
    """
    mask = _Mask([*keys, *([seen.key] if seen.key else [])])
    of_this = _only(purpose.task_id) if others and purpose.task_id else _as_it_is
    answer = _parsed(seen.content)
    return Exchange(
        at=seen.begun,
        step=purpose.step,
        seconds=max(0.0, seen.ended - seen.begun),
        method=seen.method,
        url=mask.text(seen.url),
        headers=_headers(seen.headers, mask, seen.key),
        body=seen.file or ("" if seen.payload is None else mask.json(of_this(seen.payload))),
        status=seen.status,
        answer_headers=_headers(seen.answer_headers, mask, None),
        answer=seen.received or (mask.json(of_this(answer)) if answer is not None else mask.bytes(seen.content)),
        trouble=mask.text(seen.trouble),
        shared=others,
    )


def _headers(headers: Mapping[str, str], mask: _Mask, key: Secret | None) -> dict[str, str]:
    """The headers that may be shown, with what stands for the key that goes along."""
    shown = {"Authorization": f"{'Basic' if isinstance(key, Login) else 'Bearer'} {YOUR_KEY}"} if key else {}
    for name, value in headers.items():
        if known := SHOWN_HEADERS.get(str(name).lower()):
            shown[known] = mask.text(str(value))[:LONGEST_HEADER]
    return shown


class _Mask:
    """Takes keys, and what may be secret in addresses, out of texts."""

    def __init__(self, keys: Collection[Secret]) -> None:
        values = {key.reveal() for key in keys}
        written = (str, quote, lambda value: quote(value, safe=""), escape)
        forms = {write(value) for value in values for write in written if len(value) >= 8}
        self._forms = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        """Text of any length, cut where it is long."""
        part = text[: LONGEST + _MARGIN]
        for form in self._forms:
            part = part.replace(form, YOUR_KEY)
        part = _KEYS.sub(_hidden, _ADDRESS.sub(lambda found: shown_url(found[0]), part))
        if len(text) <= LONGEST:
            return part
        kept = part[:-_MARGIN][:LONGEST] if len(text) > LONGEST + _MARGIN else part[:LONGEST]
        return f"{kept}… ‹cut here: {len(text):,} characters in all›"

    def bytes(self, content: bytes) -> str:
        """An answer that is no JSON."""
        return self.text(content.decode(errors="replace"))

    def json(self, value: Any) -> str:
        """JSON, as text."""
        text = json.dumps(self._value("", value), ensure_ascii=False)
        return self.text(text)

    def _value(self, name: str, value: Any) -> Any:
        """A value of JSON, by its name in the object that it is in."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._value(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(name, item) for item in value]
        if not isinstance(value, str):
            return value
        if name == "callback_url" and is_web_url(value):
            return _host_only(value)
        if value and _NAMED.fullmatch(name):
            return HIDDEN
        return self.text(value)


def _hidden(found: re.Match[str]) -> str:
    """What takes the place of something like a key; the word that it stands behind stays."""
    return f"{found['before'] or found['name'] or ''}{HIDDEN}"


def _host_only(url: str) -> str:
    """Where an address leads, and no more: of those that somebody is called back at, the path may be the secret."""
    parts = urlsplit(split_login(url)[0])
    return f"{parts.scheme}://{parts.netloc}/…"


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content) if 0 < len(content) <= _LARGEST else None
    except (ValueError, RecursionError):
        return None


def _as_it_is(value: Any) -> Any:
    return value


def _only(task_id: str) -> Callable[[Any], Any]:
    """Leaves of what is about many tasks what is about this one: of the ids that are asked for, and of the answers."""

    def concerns(item: object) -> bool:
        return item == task_id or (isinstance(item, Mapping) and task_id in _ids(item))

    def only(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: _lone(items, concerns) if name in ("ids", "items") else items for name, items in value.items()}

    return only


def _lone(items: Any, concerns: Callable[[object], bool]) -> Any:
    if not isinstance(items, list):
        return items
    kept = [item for item in items if concerns(item)]
    left = len(items) - len(kept)
    return [*kept, f"‹{left:,} more, of other clips›"] if left else kept


def _ids(item: Mapping[str, Any]) -> set[object]:
    """By what an answer may call its task."""
    response = item.get("response")
    inner = response.get("task_id") if isinstance(response, Mapping) else None
    return {found for found in (item.get("id"), item.get("task_id"), inner) if isinstance(found, str)}
