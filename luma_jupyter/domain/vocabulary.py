"""What there is to choose from: actions, services, aspect ratios, status words. Cheap to import: all notebooks do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, TypeAlias, get_args

from luma_jupyter.languages import N_

Action: TypeAlias = Literal["generate", "extend", "modify", "film"]
Provider: TypeAlias = Literal["acedata", "runapi", "demo", "local"]
AspectRatio: TypeAlias = Literal["16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "9:21"]

# What there is to choose from. A film is none of it: it is made from clips, on this machine, whatever was chosen.
ACTIONS: tuple[Action, ...] = ("generate", "extend", "modify")
ALL_ACTIONS: tuple[Action, ...] = get_args(Action)  # what a clip may have come from
PROVIDERS: tuple[Provider, ...] = ("acedata", "runapi", "demo")
FREE: tuple[Provider, ...] = ("demo", "local")
ASPECT_RATIOS: tuple[AspectRatio, ...] = get_args(AspectRatio)

SERVICE_NAMES: Mapping[Provider, str] = {
    "acedata": "AceDataCloud",
    "runapi": "RunAPI",
    "demo": N_("demo service"),
    "local": N_("this machine"),
}
CLASS_GATEWAY = N_("class gateway")  # what is between a class and the paid services, with their keys


def service_name(provider: Provider, *, gateway: bool) -> str:
    """What a service is called on the screen; ``gateway``: whether paid ones are reached through a class gateway."""
    return CLASS_GATEWAY if gateway and provider not in FREE else SERVICE_NAMES[provider]


def in_sentence(service: str) -> str:
    """The name of a service within a sentence: with an article, where it is no firm's."""
    articles = {CLASS_GATEWAY: N_("the class gateway"), SERVICE_NAMES["demo"]: N_("the demo service")}
    return articles.get(service, service)


class Status(StrEnum):
    """A clip's status; the words are part of the public interface, and what is said below each of the reference."""

    QUEUED = "queued"
    """It waits here; nothing has been sent yet."""
    SUBMITTING = "submitting"
    """The request is on its way to the service."""
    RUNNING = "running"
    """The service has it and makes the video."""
    SAVING = "saving"
    """The video is done and is copied into your folder."""
    COMPLETED = "completed"
    """The video is there."""
    FAILED = "failed"
    """There is no video: the service said no, or nothing was sent. The clip says which."""
    UNCONFIRMED = "unconfirmed"
    """It was sent, and no usable answer came: it may be running, and may be billed."""
    DETACHED = "detached"
    """Nobody watches it here any more: you stopped it, or its time or kernel ended. It may run on and be billed."""
    CANCELLED = "cancelled"
    """It was stopped while it was queued; nothing was sent."""

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the clip by itself."""
        return self in _ENDS

    @property
    def stoppable(self) -> bool:
        """Whether watching it can be stopped: a video that is being saved is saved."""
        return not self.ended and self is not Status.SAVING

    @property
    def resumable(self) -> bool:
        """Whether it ended here, but perhaps not at the service."""
        return self in (Status.DETACHED, Status.UNCONFIRMED)

    @property
    def without_task(self) -> bool:
        """Whether it ended without anything that a service made or bills: it answers no later request."""
        return self in (Status.FAILED, Status.CANCELLED)


_ENDS = frozenset({Status.COMPLETED, Status.FAILED, Status.UNCONFIRMED, Status.DETACHED, Status.CANCELLED})
