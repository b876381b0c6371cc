"""Lists that a service gives page by page, read to their end or to a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

MOST_PAGES = 20  # of one list: one that has no end would be asked for for ever


@dataclass(frozen=True)
class Page:
    """A page of a list; ``count``: how many items the whole list has, where the service says so."""

    items: Sequence[Any]
    count: object = None


class Listing(list[T]):
    """What was read of a list; ``cut``: the service may have more of it."""

    def __init__(self, items: Iterable[T] = (), *, cut: bool = False) -> None:
        super().__init__(items)
        self.cut = cut


async def read_pages(fetch: Callable[[int], Awaitable[Page]], size: int) -> Listing[Mapping[str, Any]]:
    """The objects of a list, up to `MOST_PAGES` pages of ``size`` items; ``fetch`` gives the page from an offset on.

    It ends with a short page, unless the service says that there is more (its own pages may be smaller), and with one
    that repeats the page before (a service that knows no offsets). An item that moved on to the next page meanwhile is
    there once.
    """
    items: list[Any] = []
    last: Sequence[Any] | None = None
    cut = True
    for _ in range(MOST_PAGES):
        page = await fetch(len(items))
        if page.items == last:
            break
        items += page.items
        last = page.items
        more = isinstance(page.count, int) and page.count > len(items)
        if not page.items or (len(page.items) < size and not more):
            cut = False
            break
    return Listing(_without_repetitions([item for item in items if isinstance(item, Mapping)]), cut=cut)


def _without_repetitions(items: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The items without those whose id came before; one without an id is no repetition."""
    found: list[Mapping[str, Any]] = []
    seen: set[str | int] = set()
    for item in items:
        key = item.get("id")
        if isinstance(key, str | int):
            if key in seen:
                continue
            seen.add(key)
        found.append(item)
    return found
