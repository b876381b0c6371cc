"""A teacher's pages: the class, what may be done there, and what was changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from tornado.web import HTTPError

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.gateway.pages.base import LivePageHandler, PageHandler, number
from luma_jupyter.gateway.pages.look import usd
from luma_jupyter.gateway.pages.overview import Overview
from luma_jupyter.gateway.pages.steering import Steering
from luma_jupyter.gateway.records import Change, WalletKind
from luma_jupyter.gateway.settings import read_dollars
from luma_jupyter.gateway.trouble import Troubles

SHOWN = 24  # clips of a page
CHANGES = 200  # lines of the audit log
LONGEST_NAME = 255
DONE: Mapping[str, str] = {
    "stop": "The clip is stopped.",
    "release": "Its money is free again.",
    "hide": "The clip is hidden: it is not on the wall, and no classmate's request is answered with it.",
    "show": "The clip is shown again.",
    "cap": "The cap is set.",
    "pause": "The class is paused: new clips are refused.",
    "resume": "The class goes on.",
}
NOT_DONE: Mapping[str, str] = {
    "stop": "This clip is not under way: there is nothing to stop.",
    "release": "This clip is not unconfirmed: its money stays as it is.",
    "hide": "This clip is hidden already, or there is none.",
    "show": "This clip is not hidden.",
    "pause": "The class is paused already.",
    "resume": "The class is not paused.",
}


class ClassHandler(LivePageHandler):
    """``/class``."""

    for_teachers = True

    async def page(self) -> str:
        """The page as it is now."""
        overview = Overview(self.gateway.database)
        student = self.get_query_argument("student", "", strip=False) or None
        clips = await overview.clips(SHOWN, student, number(self, "before"))
        return self.html(
            "class.html",
            title="Class",
            done=DONE.get(self.get_query_argument("done", "")),
            now=await overview.now(),
            troubles=await Troubles(self.gateway.database).all(),
            unconfirmed=await overview.unconfirmed(),
            students=await overview.students(),
            wallets=await overview.wallets(),
            clips=clips,
            student=student,
            older=clips[-1].submission.id if len(clips) == SHOWN else None,
        )


class SteeringHandler(PageHandler):
    """What the forms of ``/class`` ask for."""

    for_teachers = True

    async def post(self, what: str) -> None:
        """Change something, and show the class again."""
        steering = Steering(self.gateway.ledger, self.who.name)
        if what == "cap":
            await self._set_cap(steering)
        elif not await self._change(steering, what):
            self.set_status(409)
            self.finish(self.html("fault.html", title="Nothing was changed", words=NOT_DONE[what]))
            return
        student, id = self.get_body_argument("student", "", strip=False), number(self, "id")
        place = f"#clip-{id}" if id else ""
        self.redirect(self.at("class", done=what, student=student) + place, status=303)

    async def _change(self, steering: Steering, what: str) -> bool:
        """Change the class or a clip; False where it is so already, or cannot be."""
        of_class = {"pause": steering.pause, "resume": steering.resume}
        if what in of_class:
            return await of_class[what]()
        of_clip = {"stop": steering.stop, "release": steering.release, "hide": steering.hide, "show": steering.show}
        id = number(self, "id")
        if id is None:
            raise HTTPError(400)
        return await of_clip[what](id)

    async def _set_cap(self, steering: Steering) -> None:
        kind, name = self.get_body_argument("kind"), self.get_body_argument("name", "", strip=False)
        kinds: tuple[WalletKind, ...] = get_args(WalletKind)
        if kind not in kinds or len(name) > LONGEST_NAME or (kind == "class" and name):
            raise HTTPError(400)
        caps: dict[str, int | None] = {}
        for field, words in (("in_all", "In all"), ("a_day", "A day")):
            if typed := self.get_body_argument(field, ""):
                caps[field] = None if typed.lower() in ("none", "no cap") else read_dollars(words, typed)
        if not caps:
            raise InvalidRequest("Type an amount of US dollars, or none for no cap: what is empty stays as it is.")
        await steering.set_cap(kind, name, caps)


class ChangesHandler(PageHandler):
    """``/class/changes``: the audit log."""

    for_teachers = True

    async def get(self) -> None:
        """Show the latest lines."""
        changes = await self.gateway.ledger.changes(CHANGES)
        lines = [(change.at, change.who, change_words(change)) for change in changes]
        self.finish(self.html("changes.html", title="Changes", lines=lines, most=CHANGES))


def change_words(change: Change) -> str:
    """A line of the audit log as people read it."""
    if change.what == "cap" and isinstance(change.after, dict):
        return _cap_words(change.before or {}, change.after)
    what = change.what.replace("submission ", "clip ", 1) if change.what.startswith("submission ") else change.what
    if change.before is None and change.after is None:
        return what
    return f"{what}: {change.before} → {change.after}"


def _cap_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    each = {"student": "each student", "group": "each group", "class": "the class"}
    whose = after.get("name") or each.get(str(after.get("kind")), "?")
    was, now = ([usd(cap.get(field)) for field in ("in_all", "a_day")] for cap in (before, after))
    changes = (f"{old} → {new}" if before else new for old, new in zip(was, now, strict=True))
    return f"cap of {whose}: {' in all, '.join(changes)} a day"
