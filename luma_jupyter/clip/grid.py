"""What a batch asks for: rows × the axes of a grid × takes, in an order that can be told beforehand.

A row is a prompt, or a mapping, or a row of a DataFrame. A value that is a list is an axis: each of its values makes a
video. All requests are built, and so checked, before anything is sent; sending is the business of `confirm`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import product
from math import isnan, prod
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

from luma_jupyter.clip.images import Images, read_image
from luma_jupyter.clip.source import Source, read_source
from luma_jupyter.domain.requests import ACTIONS_WITH, KINDS, check_takes
from luma_jupyter.domain.values import as_list, as_python, items_of
from luma_jupyter.domain.vocabulary import ACTIONS
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import InvalidRequest, shown, with_message
from luma_jupyter.languages import N_
from luma_jupyter.languages import gettext as _
from luma_jupyter.views.text import short

MOST = 20_000  # videos in one batch
COLUMNS = tuple(dict.fromkeys(["prompt", "action", "source", *ACTIONS_WITH, "takes"]))

_IMAGES = ("start_image", "end_image")
SEVERAL: Mapping[str, str] = {  # how many values there are of each column, where there are several
    "prompt": N_("{count} prompts"),
    "action": N_("{count} actions"),
    "source": N_("{count} sources"),
    "aspect_ratio": N_("{count} aspect ratios"),
    "loop": N_("loop on and off"),
    "enhancement": N_("enhancement on and off"),
    "start_image": N_("{count} first frames"),
    "end_image": N_("{count} last frames"),
    "watermark": N_("{count} watermarks"),
    "callback_url": N_("{count} callback URLs"),
    "takes": N_("{count} takes"),
}

# How the rows of a file become what a batch takes.
_READERS: Mapping[str, str] = {
    ".csv": "pandas.read_csv({file})",
    ".tsv": "pandas.read_csv({file}, sep='\\t')",
    ".json": "pandas.read_json({file})",
    ".jsonl": "pandas.read_json({file}, lines=True)",
    **dict.fromkeys((".xls", ".xlsx", ".ods"), "pandas.read_excel({file})"),
    ".parquet": "pandas.read_parquet({file})",
    ".txt": "pathlib.Path({file}).read_text('utf-8').splitlines()",
}

FindName: TypeAlias = Callable[[object], str | None]  # the variable that holds a value
Cells: TypeAlias = dict[str, list[Any]]  # what a row says, by column: of an axis all its values, else one


@dataclass(frozen=True)
class Grid:
    """Several specs in order; the place of each in English words, and where their number comes from, unless that is
    plain."""

    specs: Sequence[TaskSpec]
    places: Sequence[str] = ()
    description: str = ""


def read_grid(prompts: object, common: Mapping[str, Any], options: Mapping[str, Any], find_name: FindName) -> Grid:
    """Read rows × axes × takes. What a row says comes before ``common``, what the call says for all of them.

    ``options`` are those of each `TaskSpec`; ``find_name`` gives the variable that holds a picture. Raises
    InvalidRequest, which says where; then nothing was sent.
    """
    for_all = _read_cells(common, "", find_name)
    rows = [
        GridRow(place, {"prompt": [None]} | for_all | _read_cells(values, place, find_name))
        for place, values in _read_rows(prompts)
    ]
    if (count := sum(row.count for row in rows)) > MOST:
        raise InvalidRequest(f"A batch has at most {MOST:,} videos, not {count:,}. Nothing was sent.")
    found = [(row.place, spec) for row in rows for spec in row.specs(options)]
    places, specs = [place for place, _spec in found], [spec for _place, spec in found]
    _refuse_equal(specs, places)
    return Grid(specs, places, _describe(rows))


@dataclass(frozen=True)
class GridRow:
    """A row of the batch: its ``place`` in English words, and its cells, each of them read already."""

    place: str
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

    def specs(self, options: Mapping[str, Any]) -> Iterator[TaskSpec]:
        """Its specs. Raises InvalidRequest, which says the place."""
        for values in product(*self.axes.values()):
            try:
                spec = _build_spec(dict(zip(self.axes, values, strict=True)))
            except InvalidRequest as error:
                raise with_message(error, f"{self.place}: {error} Nothing was sent.") from None
            yield from replace(spec, **options).takes(self.takes)  # a mistake in these is that of no place


def _read_rows(prompts: Any) -> list[tuple[str, Mapping[Any, object]]]:
    """The rows, each with its place."""
    found: list[tuple[str, Any]]
    file = fspath(prompts) if isinstance(prompts, PathLike) else prompts
    if isinstance(file, str) and (reader := _READERS.get(Path(file).suffix.lower())):
        raise _file_for_prompts(file, reader)
    if not isinstance(prompts, str | Mapping | list | tuple) and (frame := _read_frame(prompts)) is not None:
        found = frame
    elif isinstance(prompts, str | Mapping):
        found = [(N_("The prompt"), prompts)]
    else:
        items = None if isinstance(prompts, bytes | bytearray | memoryview) else items_of(prompts)
        if items is None or (len(items) == 1 and items[0] is prompts):
            raise InvalidRequest(f"A batch takes texts, dicts or a DataFrame, not {type(prompts).__name__}.")
        found = [(N_(f"Prompt {number}"), prompt) for number, prompt in enumerate(items, 1)]
    if not found:
        raise InvalidRequest("There are no prompts. Nothing was sent.")
    return [(place, row if isinstance(row, Mapping) else {"prompt": row}) for place, row in found]


def _file_for_prompts(file: str, reader: str) -> InvalidRequest:
    """Whoever names a file of prompts wants its rows, not a video of its name; a list says that the name is meant."""
    name = short(file, 60)
    rows = reader.format(file=repr(name))
    return InvalidRequest(
        f"{name} looks like a file: luma_jupyter.batch({rows}) makes a video of each row. If these words are the "
        f"prompt, write them as a list: luma_jupyter.batch([{name!r}]). Nothing was sent."
    )


def _read_frame(prompts: Any) -> list[tuple[str, Mapping[Any, object]]] | None:
    """The rows of a DataFrame of whatever library, each with its place; None for anything else."""
    import narwhals  # start-up: it takes as long as the rest of a batch

    try:
        frame = narwhals.from_native(prompts, pass_through=True)
    except narwhals.exceptions.DuplicateError:
        raise InvalidRequest("Two columns have the same name. Nothing was sent.") from None
    if isinstance(frame, narwhals.LazyFrame):
        raise InvalidRequest("A batch takes a DataFrame whose rows are there: call .collect() first. Nothing was sent.")
    if not isinstance(frame, narwhals.DataFrame):
        return None
    index = narwhals.maybe_get_index(frame)
    names = range(len(frame)) if index is None else index
    return [(N_(f"Row {name}"), row) for name, row in zip(names, frame.iter_rows(named=True), strict=True)]


def _read_cells(given: Mapping[Any, object], place: str, find_name: FindName) -> Cells:
    """What a row, or the call, says: checked as far as that does not depend on the rest. Raises InvalidRequest."""
    cells: Cells = {}
    for name, value in given.items():
        if name not in COLUMNS:
            raise _unknown_column(str(name))
        try:
            values = _read_values(name, value, find_name)
            if place and all(value is None for value in values):
                continue  # the row says nothing here: the call's word holds
            if name == "takes":
                check_takes(name, values[0])
        except InvalidRequest as error:
            message = N_(f"{place}: {error} Nothing was sent." if place else f"{error} Nothing was sent.")
            raise with_message(error, message) from None
        cells[name] = values
    return cells


def _unknown_column(name: str) -> InvalidRequest:
    if name.startswith("Unnamed: "):  # as pandas calls a column without a heading, such as an index that was saved
        return InvalidRequest(
            f"The column {name} has no heading: are these the numbers of the rows? Read the file with index_col=0. "
            "Nothing was sent."
        )
    if close := get_close_matches(name, COLUMNS, 1):
        meant = close[0]
        return InvalidRequest(f"A batch has no option or column {name}: did you mean {meant}? Nothing was sent.")
    columns = ", ".join(COLUMNS)
    return InvalidRequest(f"A batch has no option or column {name}; there are {columns}. Nothing was sent.")


def _read_values(name: str, cell: Any, find_name: FindName) -> list[Any]:
    """The values of a cell; a file is read here, once however many videos it goes into."""
    axis = None if name in ("prompt", "takes") else as_list(cell)
    values = [_whole_number(as_python(value)) for value in ([cell] if axis is None else axis)]
    if not values:
        raise InvalidRequest(f"{name} is an empty list.")
    return [value if value is None else _read_value(name, value, find_name) for value in values]


def _read_value(name: str, value: Any, find_name: FindName) -> object:
    if name == "source":
        return read_source(value)
    return read_image(name, value, find_name) if name in _IMAGES else value


def _build_spec(cell: dict[str, Any]) -> TaskSpec:
    parameters = {name: value for name, value in cell.items() if value is not None or name == "prompt"}
    action = parameters.pop("action", "generate")
    source: Source | None = parameters.pop("source", None)
    images = Images.of({name: parameters[name] for name in _IMAGES if name in parameters})
    if not isinstance(action, str) or action not in ACTIONS:
        action = action if isinstance(action, str) else shown(action)
        meant = get_close_matches(action, ACTIONS, 1)
        actions = meant[0] if meant else ", ".join(ACTIONS)
        raise InvalidRequest(
            f"There is no action {action}: did you mean {actions}?"
            if meant
            else f"There is no action {action}; choose {actions}."
        )
    for name in parameters:
        if action not in ACTIONS_WITH.get(name, ACTIONS):
            actions = ", ".join(ACTIONS_WITH[name])
            raise InvalidRequest(f"{name} goes with {actions}, not with {action}.")
    if source is None:
        if action != "generate":
            raise InvalidRequest(f"{action} needs a source: a clip, a video id, a URL or a video's path.")
        return TaskSpec(request=KINDS[action](**parameters | images.given), frames=images.frames)
    if action == "generate":
        raise InvalidRequest("generate takes no source: use action='extend' or action='modify'.")
    request = KINDS[action](**parameters | images.given, source=source.video)  # type: ignore[call-arg]  # generate takes none
    return TaskSpec(request=request, after=source.after, label=source.label, frames=images.frames)


def _refuse_equal(specs: Sequence[TaskSpec], places: Sequence[str]) -> None:
    """Refuse what asks for the same twice: one video would answer both, which nobody expects of two prompts."""
    first: dict[str, str] = {}
    for spec, place in zip(specs, places, strict=True):
        if spec.fingerprint in first:
            prompt, other = short(spec.request.prompt, 40), first[spec.fingerprint]
            raise InvalidRequest(
                f"{place} (“{prompt}”) asks for the same video twice. Nothing was sent. For several different videos "
                "of one prompt use takes=2."
                if place == other
                else f"{place} (“{prompt}”) asks for the same as {other}. Nothing was sent. For several different "
                "videos of one prompt use takes=2."
            )
        first[spec.fingerprint] = place


def _describe(rows: list[GridRow]) -> str:
    """Where the number of videos comes from: ``3 prompts × 2 aspect ratios × 2 takes``; empty where that is plain."""
    sizes = [{name: len(values) for name, values in row.axes.items()} | {"takes": row.takes} for row in rows]
    if any(size != sizes[0] for size in sizes):
        return _("{count} rows").format(count=f"{len(rows):,}") if any(row.count > 1 for row in rows) else ""
    factors = {**sizes[0], "prompt": len(rows)}  # which stands first: a row has one
    named = [_(SEVERAL[name]).format(count=f"{size:,}") for name, size in factors.items() if size > 1]
    return " × ".join(named) if len(named) > 1 else ""


def _whole_number(value: Any) -> Any:
    """A cell's value: a whole float as an int, as columns of numbers with a gap have them; NaN, the gap, as None."""
    if isinstance(value, float):
        return None if isnan(value) else int(value) if value.is_integer() else value
    return value
