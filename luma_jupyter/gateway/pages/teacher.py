"""A teacher's pages: the class, what may be done there, and what was changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from tornado.web import HTTPError

from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.gateway.pages.base import LivePageHandler, PageHandler, number
from luma_jupyter.gateway.pages.look import usd
from luma_jupyter.gateway.pages.overview import Overview
from luma_jupyter.gateway.pages.steering import Steering
from luma_jupyter.gateway.records import WALLET_TEXT, Change, WalletKind
from luma_jupyter.gateway.settings import read_dollars
from luma_jupyter.gateway.trouble import Troubles
from luma_jupyter.languages import N_, translated
from luma_jupyter.languages import gettext as _

SHOWN = 24  # clips of a page
CHANGES = 200  # lines of the audit log
LONGEST_NAME = 255
DONE: Mapping[str, str] = {
    "stop": N_("The clip is stopped."),
    "release": N_("The clip is released: its money is free again."),
    "hide": N_("The clip is hidden: it is not on the wall, and classmates are not given it for their own requests."),
    "show": N_("The clip is shown again."),
    "cap": N_("The cap is set."),
    "pause": N_("The class is paused: new clips are refused."),
    "resume": N_("The class goes on."),
}
NOT_DONE: Mapping[str, str] = {
    "stop": N_("This clip is not under way: there is nothing to stop."),
    "release": N_("This clip is not unconfirmed: its money stays as it is."),
    "hide": N_("There is no such clip, or it is hidden already."),
    "show": N_("This clip is not hidden."),
    "pause": N_("The class is paused already."),
    "resume": N_("The class is not paused."),
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
            title=N_("Class"),
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
            self.finish(self.html("fault.html", title=N_("Nothing has changed"), words=NOT_DONE[what]))
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
        typed = {field: words for field in ("in_all", "a_day") if (words := self.get_body_argument(field, ""))}
        try:
            caps = {field: _read_cap(field, words) for field, words in typed.items()}
        except ConfigError:
            caps = {}
        if not caps:
            raise InvalidRequest("Type an amount of US dollars such as 2.50, or none for no cap.")
        await steering.set_cap(kind, name, caps)


def _read_cap(field: str, words: str) -> int | None:
    return None if words.lower() in ("none", "no cap") else read_dollars(field, words)


class ChangesHandler(PageHandler):
    """``/class/changes``: the audit log."""

    for_teachers = True

    async def get(self) -> None:
        """Show the latest lines."""
        changes = await self.gateway.ledger.changes(CHANGES)
        self.finish(self.html("changes.html", title=N_("Changes"), changes=changes, words=change_words, most=CHANGES))


_CHANGED: Mapping[str, str] = {
    "accepted → stopped": N_("Clip {id}: stopped."),
    "unconfirmed → released": N_("Clip {id}: released, its money is free again."),
    "shown → hidden": N_("Clip {id}: hidden."),
    "hidden → shown": N_("Clip {id}: shown again."),
    "open → paused": N_("The class: paused."),
    "paused → open": N_("The class: goes on."),
}


def change_words(change: Change) -> str:
    """A line of the audit log as people read it."""
    if change.what == "cap" and isinstance(change.after, dict):
        return _cap_words(change.before or {}, change.after)
    if change.before is None and change.after is None:
        return translated(change.what)
    changed = f"{change.before} → {change.after}"
    if changed in _CHANGED:
        return _(_CHANGED[changed]).format(id=change.what.removeprefix("submission "))
    return f"{change.what}: {changed}"


def _cap_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    was, now = ([usd(cap.get(field)) for field in ("in_all", "a_day")] for cap in (before, after))
    in_all, a_day = (f"{old} → {new}" if before else new for old, new in zip(was, now, strict=True))
    kinds: Mapping[Any, str] = WALLET_TEXT  # the log may be older, and know others
    whose = after.get("name") or _(kinds.get(after.get("kind"), "?"))
    return _("Cap set. {whose}: {in_all} in all, {a_day} a day.").format(whose=whose, in_all=in_all, a_day=a_day)
