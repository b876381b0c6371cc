"""The axes of a sheet: what differs between clips, as the labels of rows and columns.

A batch's grid is found again by what its clips differ in: words of their prompts, options, takes. What differs goes
down and across where the clips fill more than half of such a grid, else all of it goes across.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from luma_jupyter.clip.differing_words import differing_words
from luma_jupyter.domain.requests import FrameRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.values import as_list
from luma_jupyter.errors import InvalidRequest, shown
from luma_jupyter.languages import N_
from luma_jupyter.views.text import image_name, short

Side: TypeAlias = "str | Sequence[str] | None"  # what the user says of a side: an option, labels, or nothing

LONGEST_LABEL = 60  # characters
_BETWEEN, _BETWEEN_WORDS = " · ", " … "
_PROMPT, _TAKE = "prompt", "take"


@dataclass(frozen=True)
class Trait:
    """What differs between clips: the names of options, the label of each clip, and the order of labels.

    Without an order they come as the clips do.
    """

    names: tuple[str, ...]
    labels: Sequence[str]
    order: Sequence[str] = ()

    @property
    def distinct(self) -> list[str]:
        """Each label once, in order."""
        return list(self.order or dict.fromkeys(self.labels))


@dataclass(frozen=True)
class Axis:
    """The labels of a side, of which a single one may be empty; and at which of them each clip is."""

    labels: Sequence[str]
    places: Sequence[int]


@dataclass(frozen=True)
class Axes:
    """Where clips are on a sheet."""

    down: Axis
    across: Axis

    @property
    def sides(self) -> int:
        """How many rows and columns there are together."""
        return len(self.down.labels) + len(self.across.labels)

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self.down.labels) * len(self.across.labels)

    @property
    def cells(self) -> Mapping[tuple[int, int], int]:
        """The number of the clip at each row and column where there is one."""
        return {cell: number for number, cell in enumerate(zip(self.down.places, self.across.places, strict=True))}

    def label(self, number: int) -> str:
        """What tells a clip from the others."""
        sides = [side.labels[side.places[number]] for side in (self.down, self.across)]
        return _BETWEEN.join(filter(None, sides))


def find_axes(tasks: Sequence[Task], down: Side = None, across: Side = None) -> Axes:
    """The axes of clips; ``down`` and ``across`` are an option by its name, or labels, or are found.

    Labels are those of the clips in another order, or others: then the clips are taken row by row. Raises
    InvalidRequest, which says what can be said.
    """
    traits = _merged(find_traits(tasks))
    if down is None and across is None:
        return _found(traits, len(tasks))
    axes = _said(traits, len(tasks), {"down": down, "across": across})
    if len(axes.cells) < len(tasks):
        reason = _sayable(traits)
        raise InvalidRequest(f"Several clips would share one place on the sheet: {reason}.")
    return axes


# What differs.


def find_traits(tasks: Sequence[Task]) -> list[Trait]:
    """What differs between tasks; the takes of equal requests come last."""
    words = differing_words([task.request.prompt for task in tasks])
    traits = [_trait(_PROMPT, place, place) for place in words]
    for name, read in _OPTIONS.items():
        values = [read(task) for task in tasks]
        traits.append(_trait(name, [value for value, _ in values], [label for _, label in values]))
    traits = [trait for trait in traits if len(trait.distinct) > 1]
    takes = _takes(tasks, list(zip(*(trait.labels for trait in traits), strict=True)) or [()] * len(tasks))
    return [*traits, takes] if takes else traits


def _trait(name: str, values: Sequence[Any], labels: Sequence[str]) -> Trait:
    """A trait whose labels differ where the values do."""
    found: list[Any] = []
    given: list[str] = []
    for value, label in zip(values, labels, strict=True):
        if value not in found:
            label = short(label, LONGEST_LABEL)
            count = sum(other == label or other.startswith(f"{label} (") for other in given)
            found.append(value)
            given.append(f"{label} ({count + 1})" if count and label in given else label)
    return Trait((name,), [given[found.index(value)] for value in values])


def _source(task: Task) -> tuple[Any, str]:
    source = getattr(task.request, "source", None)
    if task.request.action == "generate":
        return None, "no source"
    return (task.source_intent, source), f"of {task.source_label or source or 'a video'}"


def _image(name: str, word: str) -> Callable[[Task], tuple[Any, str]]:
    def read(task: Task) -> tuple[Any, str]:
        image = getattr(task.request, name, None)
        if image is None:
            return None, f"no {name.replace('_', ' ')}"
        return image, f"{word} {image if isinstance(image, FrameRef) else image_name(image)}"

    return read


def _flag(name: str) -> Callable[[Task], tuple[Any, str]]:
    def read(task: Task) -> tuple[Any, str]:
        value = getattr(task.request, name, None)
        if value is None or isinstance(value, bool):
            return value, name if value else f"no {name}"
        return value, f"{name} {value}"

    return read


_OPTIONS: Mapping[str, Callable[[Task], tuple[Any, str]]] = {
    "action": lambda task: (task.request.action, task.request.action),
    "source": _source,
    "start_image": _image("start_image", "from"),
    "end_image": _image("end_image", "to"),
    "aspect_ratio": lambda task: (getattr(task.request, "aspect_ratio", ""),) * 2,
    "loop": _flag("loop"),
    "enhancement": _flag("enhancement"),
    "watermark": _flag("watermark"),
    "provider": lambda task: (task.provider, task.service_name),
}


def _takes(tasks: Sequence[Task], groups: Sequence[Any]) -> Trait | None:
    """The takes of tasks that differ in nothing else; by their own numbers where these differ."""
    members: dict[Any, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    if len(members) == len(tasks):
        return None
    takes = [1] * len(tasks)
    for group in members.values():
        own = [tasks[number].request.take for number in group]
        numbers = own if len(set(own)) == len(own) and len(own) > 1 else range(1, len(group) + 1)
        for number, take in zip(group, numbers, strict=True):
            takes[number] = take
    return Trait((_TAKE,), [f"{_TAKE} {take}" for take in takes])


# What goes where.


def _merged(traits: Sequence[Trait]) -> list[Trait]:
    """The same, with those that say the same of the clips as one: it has the labels of all."""
    groups: dict[tuple[int, ...], list[Trait]] = {}
    for trait in traits:
        groups.setdefault(tuple(map(trait.distinct.index, trait.labels)), []).append(trait)
    return [_joined(group) for group in groups.values()]


def _joined(traits: Sequence[Trait]) -> Trait:
    names = tuple(dict.fromkeys(name for trait in traits for name in trait.names))
    return Trait(names, [_label(traits, number) for number in range(len(traits[0].labels))])


def _label(traits: Sequence[Trait], number: int) -> str:
    """What traits say of a clip; places in its prompt are set apart otherwise than options."""
    label = ""
    for before, trait in zip([None, *traits], traits, strict=False):
        if before:
            words = before.names[-1:] == trait.names[:1] == (_PROMPT,)
            label += _BETWEEN_WORDS if words else _BETWEEN
        label += trait.labels[number]
    return label


def _found(traits: Sequence[Trait], count: int) -> Axes:
    """The first traits down and the rest across, so that the grid is filled best; else all across."""
    best: Axes | None = None
    for cut in range(1, len(traits)):
        axes = Axes(_axis(traits[:cut], count), _axis(traits[cut:], count))
        if axes.size < 2 * count and (best is None or axes.sides < best.sides):
            best = axes
    return best or Axes(_axis([], count), _axis(traits, count))


def _axis(traits: Sequence[Trait], count: int) -> Axis:
    """The side that some traits make; without any, one of a single place."""
    orders = [tuple(trait.distinct.index(trait.labels[number]) for trait in traits) for number in range(count)]
    places = sorted(set(orders))
    labels = [_label(traits, orders.index(place)) for place in places]
    return Axis(labels, [places.index(order) for order in orders])


# What the user says.


def _said(traits: Sequence[Trait], count: int, said: Mapping[str, Side]) -> Axes:
    """The sides as the user says; the one of which nothing is said has the rest of the traits."""
    sides = {name: _read_side(name, side, traits, count) for name, side in said.items() if side is not None}
    if len(sides) == 2 and sides["down"] == sides["across"]:
        reason = _sayable(traits)
        raise InvalidRequest(f"down and across are the same: {reason}.")
    rest = [trait for trait in traits if all(trait.labels != side.labels for side in sides.values())]
    if len(sides) == 2:
        down, across = [sides["down"]], [sides["across"]]
        if down[0].names and across[0].names:
            for trait in rest:
                (down if trait.names == down[0].names else across).append(trait)
        return Axes(_axis(down, count), _axis(across, count))
    (name, side), *_ = sides.items()
    one, other = _axis([side], count), _axis(rest if side.names else _left_by(side, traits, name), count)
    return Axes(one, other) if name == "down" else Axes(other, one)


def _read_side(name: str, side: object, traits: Sequence[Trait], count: int) -> Trait:
    """What is meant by an option's name, by the labels of one in any order, or by the user's own labels."""
    if isinstance(side, str):
        option = side.strip().casefold().replace(" ", "_").replace("-", "_")
        found = next((trait for trait in traits if {option, option.removesuffix("s")} & set(trait.names)), None)
        if found is None:
            reason = _sayable(traits)
            raise InvalidRequest(f"These clips do not differ in {shown(side)} ({name}): {reason}.")
        return found
    labels = as_list(side)
    if not labels or not all(isinstance(label, str) and label.strip() for label in labels):
        raise InvalidRequest(f"{name} must be the name of an option, or a list of labels, not {shown(side)}.")
    labels = [short(label, LONGEST_LABEL) for label in labels]
    if len(set(labels)) < len(labels):
        raise InvalidRequest(f"{name} has the same label twice: {shown(side)}.")
    return next((found for trait in traits if (found := _reordered(trait, labels, name))), None) or _own_labels(
        name, labels, count, traits
    )


def _sayable(traits: Sequence[Trait]) -> str:
    """What can be said of a side, in English words."""
    names = ", ".join(map(repr, dict.fromkeys(name for trait in traits for name in trait.names)))
    return N_(
        f"use {names}, or a list with a label for each row or column"
        if names
        else "they are all alike, so leave out down and across"
    )


def _reordered(trait: Trait, labels: Sequence[str], side: str) -> Trait | None:
    """A trait with its labels in another order; None where they are none of its."""
    known = {label.casefold(): label for label in trait.distinct}
    wanted = [known.get(label.casefold()) for label in labels]
    if not any(wanted):
        return None
    if None in wanted or len(wanted) < len(known):
        names = ", ".join(map(repr, known.values()))
        raise InvalidRequest(f"{side} must have all of these labels: {names}.")
    return replace(trait, order=[label for label in wanted if label])


def _own_labels(name: str, labels: Sequence[str], count: int, traits: Sequence[Trait]) -> Trait:
    """Labels of the user's own: the clips are taken row by row."""
    share, rest = divmod(count, len(labels))
    if rest:
        reason = _sayable(traits)
        raise InvalidRequest(f"{name} has {len(labels)} labels, which cannot share {count} clips evenly: {reason}.")
    places = [number // share if name == "down" else number % len(labels) for number in range(count)]
    return Trait((), [labels[place] for place in places], labels)


def _left_by(side: Trait, traits: Sequence[Trait], name: str) -> list[Trait]:
    """The other side of the user's own labels: what the clips of a place have in common, else its number."""
    count = len(side.labels)
    size = count // len(side.distinct)
    if size == 1:
        return []
    places = [number % size if name == "down" else number // len(side.distinct) for number in range(count)]
    members = [[number for number in range(count) if places[number] == place] for place in range(size)]
    labels = []
    for numbers in members:
        shared = [trait for trait in traits if len({trait.labels[number] for number in numbers}) == 1]
        labels.append(_label(shared, numbers[0]))
    if len(set(labels)) < size or not all(labels):
        labels = [str(place + 1) for place in range(size)]
    return [Trait((), [labels[place] for place in places], labels)]
