"""`batch`: many requests from one call. Rows × the axes of a grid × takes, in an order that can be told beforehand.

A row is a prompt, or a mapping, or a row of a DataFrame. A value that is a list is an axis: each of its values makes a
video. All requests are built, and so checked, before anything is sent; sending is the business of `placing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from itertools import product
from math import isnan, prod
from typing import Any

from luma_jupyter.choices import ACTIONS
from luma_jupyter.errors import InvalidRequest, reworded
from luma_jupyter.files import as_image
from luma_jupyter.models import KINDS, check_takes
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.orders import Order, read_source
from luma_jupyter.notebook.placing import place_all
from luma_jupyter.notebook.render import short

MOST = 1000  # videos in one batch
# Which actions take an option.
TAKERS = {
    name: [action for action, kind in KINDS.items() if name in kind.__dataclass_fields__]
    for kind in KINDS.values()
    for name in kind.__dataclass_fields__
    if name not in ("prompt", "source", "take")
}
COLUMNS = ("prompt", "action", "source", *TAKERS, "takes")

_READ: Mapping[str, Callable[[Any], object]] = {
    "source": read_source,
    "start_image": partial(as_image, "start_image"),
    "end_image": partial(as_image, "end_image"),
}

Cells = dict[str, list[Any]]  # what a row says, by column: of an axis all its values, else one


def batch(
    prompts: object,
    *,
    action: str = "generate",
    source: Any = None,
    takes: int = 1,
    provider: str | None = None,
    timeout: float | None = None,
    again: bool = False,
    yes: bool = False,
    **options: Any,
) -> Clips:
    """Make many videos: ``prompts`` × every option that is a list × ``takes``; returns the list of clips at once.

    ``prompts`` is a text, a list of texts or of dicts, or a pandas DataFrame: a row with the column ``prompt``, and
    others named as the arguments ``action``, ``source`` and ``takes`` and the options of `generate`, `extend` and
    `modify`. What a row says comes before what the call says; None and NaN say nothing. The order is: rows, then
    ``source``, then options as given, each varying faster than the one before, ``takes`` fastest. ``source`` is a clip,
    a video id, a URL or a path, or a list of those; a batch has at most 1,000 videos.

    Number and price are said before; above the settings ``confirm_count`` and ``confirm_usd`` somebody is asked, unless
    ``yes``. A clip that fails is in its place in the list. Where one cannot be sent after others were (the disk is
    full, another kernel spent the budget), the error says how many were: the same batch again goes on with the rest.

    Raises InvalidRequest (NotConfirmed where nobody said yes), ConfigError or OverBudget; then nothing was sent, or the
    error says what was.
    """
    common = _read({"action": action, "source": source, **options, "takes": takes}, "")
    rows = [Row(where, {"prompt": [None]} | common | _read(said, f"{where}: ")) for where, said in _rows(prompts)]
    if (count := sum(row.count for row in rows)) > MOST:
        raise InvalidRequest(f"A batch has at most {MOST:,} videos, not {count:,}. Nothing was sent.")
    delivery = {"provider": provider, "timeout": timeout, "again": again}
    found = [(place, order) for row in rows for place, order in row.orders(delivery)]
    places, orders = [place for place, _ in found], [order for _, order in found]
    _refuse_equal(orders, places)
    return place_all(orders, grid=_grid(rows), places=places, yes=yes)


@dataclass(frozen=True)
class Row:
    """A row of the batch: ``where`` it stands, as the user would name it, and its cells, each of them read already."""

    where: str
    cells: Cells

    @property
    def axes(self) -> Cells:
        """All but the takes, in the order in which they vary, the last one fastest."""
        return {name: values for name, values in self.cells.items() if name != "takes"}

    @property
    def takes(self) -> int:
        return int(self.cells["takes"][0])

    @property
    def count(self) -> int:
        """How many videos it makes."""
        return prod(map(len, self.axes.values())) * self.takes

    def orders(self, delivery: Mapping[str, Any]) -> Iterator[tuple[str, Order]]:
        """Its orders, each with its place in words. Raises InvalidRequest, which says the place."""
        for values in product(*self.axes.values()):
            cell = dict(zip(self.axes, values, strict=True))
            place = self._place(cell)
            try:
                order = _order(cell, delivery)
            except InvalidRequest as error:
                raise reworded(error, f"{place}: {error} Nothing was sent.") from None
            for take in order.takes(self.takes):
                yield place, take

    def _place(self, cell: dict[str, Any]) -> str:
        varied = [name for name, values in self.axes.items() if len(values) > 1]
        return ", ".join([self.where, *(f"{name} {_named(cell[name])}" for name in varied)])


def _named(value: object) -> str:
    if isinstance(value, tuple):  # a source as it was read
        value = value[1]
    return value._called or value._task.key if isinstance(value, Clip) else short(str(value), 40)


def _rows(prompts: Any) -> list[tuple[str, Mapping[Any, object]]]:
    """The rows, each with where it stands. A DataFrame is known by what it can do, so pandas is not needed here."""
    if hasattr(prompts, "to_dict") and hasattr(prompts, "columns"):
        columns = [str(name) for name in prompts.columns]
        if twice := [name for name in columns if columns.count(name) > 1]:
            raise InvalidRequest(f"Two columns are called {twice[0]}. Nothing was sent.")
        records = prompts.to_dict("records")
        found = [(f"row {index}", record) for index, record in zip(prompts.index, records, strict=True)]
    elif isinstance(prompts, str | Mapping):
        found = [("The prompt", prompts)]
    elif isinstance(prompts, Iterable) and not isinstance(prompts, bytes):
        found = [(f"prompts[{number}]", prompt) for number, prompt in enumerate(prompts)]
    else:
        raise InvalidRequest(f"A batch takes texts, dicts or a DataFrame, not {type(prompts).__name__}.")
    if not found:
        raise InvalidRequest("There are no prompts: nothing was sent.")
    return [(where, row if isinstance(row, Mapping) else {"prompt": row}) for where, row in found]


def _read(said: Mapping[Any, object], where: str) -> Cells:
    """What a row, or the call, says: checked as far as that does not depend on the rest. Raises InvalidRequest."""
    cells: Cells = {}
    for name, value in said.items():
        if name not in COLUMNS:
            meant = get_close_matches(str(name), COLUMNS, 1)
            hint = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(COLUMNS)}."
            raise InvalidRequest(f"A batch has no option or column {name}: {hint} Nothing was sent.")
        try:
            values = _values(name, value)
            if where and all(value is None for value in values):
                continue  # the row says nothing here: the call's word holds
            if name == "takes":
                check_takes(name, values[0])
        except InvalidRequest as error:
            raise reworded(error, f"{where}{error} Nothing was sent.") from None
        cells[name] = values
    return cells


def _values(name: str, cell: Any) -> list[Any]:
    """The values of a cell; a file is read here, once however many videos it goes into."""
    axis = isinstance(cell, list | tuple) and name not in ("prompt", "takes")
    values = [_plain(value) for value in (cell if axis else [cell])]
    if not values:
        raise InvalidRequest(f"{name} is an empty list.")
    read = _READ.get(name)
    return [value if value is None or read is None else read(value) for value in values]


def _order(cell: dict[str, Any], delivery: Mapping[str, Any]) -> Order:
    parameters = {name: value for name, value in cell.items() if value is not None or name == "prompt"}
    action, source = parameters.pop("action", "generate"), parameters.pop("source", None)
    if action not in KINDS:
        meant = get_close_matches(str(action), ACTIONS, 1)
        raise InvalidRequest(f"There is no action {action}: did you mean {meant[0] if meant else ', '.join(ACTIONS)}?")
    for name in parameters:
        if action not in TAKERS.get(name, ACTIONS):
            raise InvalidRequest(f"{name} goes with {' and '.join(TAKERS[name])}, not with {action}.")
    if action == "generate" and source:
        raise InvalidRequest("generate takes no source: say action='extend' or action='modify'.")
    if action != "generate" and not source:
        raise InvalidRequest(f"{action} needs a source: a clip, a video id, a URL or a video's path.")
    named = None
    if source:
        parameters["source"], named = source
    return Order(request=KINDS[action](**parameters), source=named, **delivery)


def _refuse_equal(orders: list[Order], places: list[str]) -> None:
    """Refuse what asks for the same twice: one video would answer both, which nobody expects of two prompts."""
    first: dict[str, str] = {}
    for order, place in zip(orders, places, strict=True):
        if order.mark in first:
            raise InvalidRequest(
                f"{place} (“{short(order.request.prompt, 40)}”) asks for the same as {first[order.mark]}. Nothing was "
                "sent. For several different videos of one prompt say takes=2."
            )
        first[order.mark] = place


def _grid(rows: list[Row]) -> str:
    """Where the number of videos comes from: ``3 prompts × 2 aspect ratios × 2 takes``; empty where that is plain."""
    sizes = [{name: len(values) for name, values in row.axes.items()} | {"takes": row.takes} for row in rows]
    if any(size != sizes[0] for size in sizes):
        return f"what {len(rows):,} rows ask for" if any(row.count > 1 for row in rows) else ""
    factors = [(len(rows), "prompts"), *((size, _plural(name)) for name, size in sizes[0].items())]
    told = [f"{size:,} {name}" for size, name in factors if size > 1]
    return " × ".join(told) if len(told) > 1 else ""


def _plural(name: str) -> str:
    words = name.replace("_", " ").replace("url", "URL")
    return words if words.endswith("s") else f"{words}s"


def _plain(value: Any) -> Any:
    """A cell as Python has it: a number of numpy's or a whole float as an int, and what is missing as None."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if type(value).__name__ in ("NAType", "NaTType"):  # what pandas puts where there is nothing
        return None
    if isinstance(value, float):
        return None if isnan(value) else int(value) if value.is_integer() else value
    return value
