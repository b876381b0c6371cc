"""First and last frames as the user names them: a picture, or a frame of a clip that may not be done yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.requests import FrameRef, StillImage, read_moment
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.local_files import as_image


class HasFrames(Protocol):
    """A clip, as far as its frames need it."""

    @property
    def handle(self) -> Handle:
        """Its task, as the engine follows it."""

    @property
    def source_label(self) -> str:
        """What a card calls it on which it is the source."""


@dataclass(frozen=True, repr=False)
class ClipFrame:
    """A frame of a clip, named and not read: ``when`` is first, last, or so many seconds from its beginning.

    What takes it as a picture is queued until the clip is done. Raises InvalidRequest for a moment that no video has.
    """

    clip: HasFrames
    when: float | str

    def __post_init__(self) -> None:
        object.__setattr__(self, "when", read_moment(self.when))

    @property
    def ref(self) -> FrameRef:
        """By which requests name it."""
        return FrameRef(self.clip.handle.task.intent, self.when, self.clip.source_label)

    def __repr__(self) -> str:
        return str(self.ref)


Image: TypeAlias = str | LocalFile | ClipFrame


@dataclass(frozen=True)
class Images:
    """The pictures of a request by the field: as the request has them, and the tasks whose frames are among them."""

    given: dict[str, Any] = field(default_factory=dict)
    frames: dict[str, Handle] = field(default_factory=dict)

    @classmethod
    def of(cls, images: Mapping[str, Image]) -> Images:
        """Pictures that were read."""
        frames = {name: image for name, image in images.items() if isinstance(image, ClipFrame)}
        given: dict[str, StillImage] = {
            name: image.ref if isinstance(image, ClipFrame) else image for name, image in images.items()
        }
        return cls(given, {name: frame.clip.handle for name, frame in frames.items()})


def read_image(name: str, value: object, find_name: Callable[[object], str | None] = lambda value: None) -> Image:
    """Read a picture, as `as_image`, or a frame of a clip; ``find_name`` gives the variable that holds a value.

    What a variable holds is called by it, but for texts: equal ones may be one object.
    """
    if isinstance(value, ClipFrame):
        return value
    image = as_image(name, value)
    variable = None if isinstance(value, str) else find_name(value)
    return replace(image, label=variable) if variable and isinstance(image, LocalFile) else image


def read_images(find_name: Callable[[object], str | None], **given: object) -> Images:
    """Read the pictures that are given by the field, as `read_image`; None says nothing. Raises InvalidRequest."""
    return Images.of({name: read_image(name, value, find_name) for name, value in given.items() if value is not None})
