"""HTML as its tags, and text that would like to be some."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"


class Tags(HTMLParser):
    """All tags of a text with their attributes, and its texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def names(self) -> set[str]:
        """The names of the tags that there are."""
        return {tag for tag, _ in self.tags}

    def addresses(self) -> list[str]:
        """All that the tags lead to."""
        return [value or "" for _, attrs in self.tags for name, value in attrs.items() if name in ("src", "href")]


def attributes_of(html: str, name: str) -> list[dict[str, Any]]:
    """The attributes of all tags of a name."""
    return [dict(attrs) for tag, attrs in Tags(html).tags if tag == name]


def video_source(html: str) -> str | None:
    """The address of the one video in the HTML; None where there is none."""
    found = [attrs["src"] for attrs in attributes_of(html, "video")]
    assert len(found) <= 1
    return found[0] if found else None
