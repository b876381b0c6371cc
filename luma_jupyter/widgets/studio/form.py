"""The form: its fields are the options of ``%%luma``, and what it does is what that cell would do.

It writes the cell that its fields stand for, has it read by the parser of the magics, and runs it. So it has no rules
of its own, and whoever fills it in sees the cell and can copy it. A field is right if a cell in which everything else
is right would be accepted; so each mistake is marked where it was made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from luma_jupyter.cells.command import CellCommand, create, read_cell, takes_of, would_send
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.cells.options import FORM_OPTIONS, LABEL_OF
from luma_jupyter.cells.parser import write_line
from luma_jupyter.cells.prompt_cell import write_cell
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.confirm import above_limits, plan_all
from luma_jupyter.clip.session import LAST_CLIP, Session
from luma_jupyter.display.environment import Environment
from luma_jupyter.domain.identifiers import normalize_name
from luma_jupyter.domain.prompt_words import OFFERED
from luma_jupyter.domain.requests import ACTIONS_WITH
from luma_jupyter.domain.values import as_python, read_flag
from luma_jupyter.domain.vocabulary import ACTIONS, ASPECT_RATIOS, PROVIDERS
from luma_jupyter.errors import InvalidRequest, LumaError, shown
from luma_jupyter.languages import N_, ngettext, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.widgets.base import PageModel
from luma_jupyter.widgets.studio.clip_choices import ClipChoice, clip_choices
from luma_jupyter.widgets.studio.upload import UploadBuffer, read_piece

_MISFIT = N_("The page sent something that does not fit into this form: type it again.")
_GOOD_PROMPT, _GOOD_SOURCE = "A prompt", "https://example.com/video.mp4"


def fields_of(action: str) -> list[str]:
    """The fields that go with an action, by their names."""
    source = [] if action == "generate" else ["source"]
    options = [name for name, option in FORM_OPTIONS.items() if action in ACTIONS_WITH.get(option.parameter, ACTIONS)]
    return ["prompt", *source, *options]


class Form(PageModel):
    """A form for one action at a time. The fields are called as in what the parser gives, and hold what is typed.

    ``errors`` says by field what is wrong, ``problem`` what is wrong with the whole. ``cell`` is the cell that does the
    same, ``request`` what would be sent, ``price`` what it costs as far as that is known, ``outcome`` what came of the
    button. ``submitted``: the button was pressed, so that fields which were never touched are marked too.
    ``words`` are offered while the beginning of one is typed into the prompt. ``focus``: it takes the focus when it is
    shown first.

    ``yes`` and ``again`` hold for one press. A page may hold back a change of traits until after the press, so these
    two come as messages, which keep their order.
    """

    scripts = (
        "base.js",
        "studio/words.js",
        "studio/form.js",
    )
    styles = ("studio/form.css",)
    action = traitlets.Enum(ACTIONS, "generate").tag(sync=True, typed=True)
    prompt = traitlets.Unicode().tag(sync=True, typed=True)
    source = traitlets.Unicode().tag(sync=True, typed=True)
    aspect_ratio = traitlets.Unicode(ASPECT_RATIOS[0]).tag(sync=True, typed=True)
    loop = traitlets.Bool().tag(sync=True, typed=True)
    enhancement = traitlets.Bool(True).tag(sync=True, typed=True)
    start_image = traitlets.Unicode().tag(sync=True, typed=True)
    end_image = traitlets.Unicode().tag(sync=True, typed=True)
    watermark = traitlets.Bool().tag(sync=True, typed=True)
    watermark_id = traitlets.Unicode().tag(sync=True, typed=True)
    provider = traitlets.Unicode().tag(sync=True, typed=True)
    out = traitlets.Unicode().tag(sync=True, typed=True)
    takes = traitlets.Unicode("1").tag(sync=True, typed=True)
    yes = traitlets.Bool().tag(sync=True)
    callback_url = traitlets.Unicode().tag(sync=True, typed=True)
    timeout = traitlets.Unicode().tag(sync=True, typed=True)
    again = traitlets.Bool().tag(sync=True)

    fields = traitlets.Dict({action: fields_of(action) for action in ACTIONS}).tag(sync=True)
    labels = traitlets.Dict().tag(sync=True)
    ratios = traitlets.List(list(ASPECT_RATIOS)).tag(sync=True)
    providers = traitlets.List(list(PROVIDERS)).tag(sync=True)
    words = traitlets.List(list(OFFERED)).tag(sync=True)
    clips: traitlets.List[ClipChoice] = traitlets.List().tag(sync=True)
    errors = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    cell = traitlets.Unicode().tag(sync=True)
    request = traitlets.Unicode().tag(sync=True)
    price = traitlets.Unicode().tag(sync=True)
    outcome = traitlets.Unicode().tag(sync=True)
    submitted = traitlets.Bool().tag(sync=True)
    focus = traitlets.Bool().tag(sync=True)

    def __init__(self, session: Session, environment: Environment, **fields: Any) -> None:
        self._uploads = UploadBuffer(session.settings)  # first: closed also where a field is refused
        labels = {name: translated(option.label) for name, option in FORM_OPTIONS.items()}
        super().__init__(labels=labels, **fields)
        self.on_made: Callable[[list[Clip]], None] = lambda clips: None  # with what the button made
        self._session = session
        self._environment = environment
        self._checked: dict[tuple[str, ...], str] = {}
        self.observe(lambda change: self.check(), ["action", "prompt", "source", *FORM_OPTIONS])
        self.refresh()

    def refresh(self) -> None:
        """Read anew which clips can be picked, and what variables and clips make of the fields."""
        self.clips = clip_choices(self._session, self._environment)
        self._checked.clear()
        self.check()

    def check(self) -> None:
        """Say of each field whether it is right, and of the whole what would be sent."""
        with self.hold_sync():
            self.outcome, self.problem, self.request, self.price = "", "", "", ""
            self.cell = write_cell(self._line(), self.prompt)
            self.errors = {name: error for name in self.fields[self.action] if (error := self._error_of(name))}
            if self._overwrites_its_source() and "out" not in self.errors:
                words = _("This clip is made from {name}: choose another name.").format(name=self.out.strip())
                self.errors = {**self.errors, "out": words}
            if not self.errors:
                try:
                    self._preview(self._command(names_only=True))
                except LumaError as error:
                    self.problem = in_words(error)

    def set_state(self, sync_data: object) -> None:
        super().set_state(sync_data)
        if self._misfits(sync_data):
            self.problem = translated(_MISFIT)

    def _misfits(self, state: object) -> bool:
        """Whether a page sent something for a field that the field cannot hold."""
        sent = self.traits(typed=True).keys() & state if isinstance(state, dict) else set()
        return bool(sent - self.fitting(state).keys())

    def submit(self) -> list[Clip]:
        """Do what the button says: run the cell. The clips; none where something is wrong, and nothing was sent."""
        self.refresh()
        self.submitted = bool(self.errors)
        if self.errors or self.problem:
            return []
        try:
            clips = list(create(self._command(), self._session))
        except LumaError as error:
            self.problem = in_words(error)
            return []
        with self.hold_sync():
            self.again = self.yes = False  # said for this once: pressed again, the button must not pay again
            self.refresh()
            self.outcome = _outcome(clips, self.out.strip() or LAST_CLIP)
        self.on_made(clips)
        return clips

    def on_message(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        super().on_message(content, buffers)
        match content:
            case {"do": "submit", "fields": dict(fields)}:
                try:
                    self._submit_as_shown(fields)
                finally:
                    self.send({"did": "submit"})
            case {"do": "set", "field": "yes" | "again" as field, "value": bool(value)}:
                setattr(self, field, value)
            case {"do": "here"}:
                self.focus = False  # the page has taken it
            case {"do": "refresh"}:
                with self.hold_sync():
                    outcome = self.outcome
                    self.refresh()
                    self.outcome = outcome  # it stays true: nothing was typed
            case {"do": "upload", "field": "source" | "start_image" | "end_image" as field, "upload": int(number)}:
                at = self._take_piece(field, content, buffers)
                self.send({"got": field, "upload": number, "at": at})

    def _submit_as_shown(self, fields: dict[str, Any]) -> None:
        """Submit what is in the page. A change of traits may be held back there, and the button overtake it."""
        if self._misfits(fields):
            self.problem = translated(_MISFIT)
            return
        for name, value in self.fitting(fields).items():
            setattr(self, name, value)
        self.submit()

    def _take_piece(self, field: str, content: dict[str, Any], buffers: list[memoryview]) -> int | None:
        """Take a piece of a file; the field gets the path of a whole one. Where it begins; None where it is refused."""
        try:
            piece = read_piece(content, buffers)
            path = self._uploads.take(field, piece)
        except LumaError as error:
            self._uploads.close(field)
            self.errors = {**self.errors, field: in_words(error)}
            return None
        if path:
            setattr(self, field, path)
        return piece.at

    def close(self) -> None:
        self._uploads.close()
        super().close()

    def _line(self) -> str:
        names = [name for name in self.fields[self.action] if name not in ("prompt", "source")]
        source = self.source.strip() if "source" in self.fields[self.action] else ""
        return write_line(self.action, source, **self._as_options(names))

    def _as_options(self, names: list[str]) -> dict[str, str | bool]:
        """Some fields as options; those at their defaults say nothing, and a watermark's id says that there is one."""
        values = {name: getattr(self, name) for name in names if getattr(self, name) != self.trait_defaults(name)}
        if str(values.get("watermark_id", "")).strip():
            values.pop("watermark", None)
        return values

    def _command(self, names_only: bool = False) -> CellCommand:
        return read_cell(self._line(), self.prompt, Lookup.of(self._session), names_only=names_only)

    def _error_of(self, name: str) -> str:
        """What is wrong with a field; remembered, as a picture has to be read for that."""
        key = (self.action, name, str(getattr(self, name)))
        if key not in self._checked:
            try:
                self._check_alone(name)
                self._checked[key] = ""
            except LumaError as error:
                self._checked[key] = in_words(error)
        return self._checked[key]

    def _overwrites_its_source(self) -> bool:
        """Whether the cell would take its own result as its source when it is run again, and so pay each time."""
        made_from = (name for name in ("source", "start_image", "end_image") if name in self.fields[self.action])
        used = [normalize_name(re.split(r"[@\[]", getattr(self, name).strip())[0]) for name in made_from]
        return bool(self.out.strip()) and normalize_name(self.out.strip()) in used

    def _check_alone(self, name: str) -> None:
        """Have a cell read in which this field is the only one that can be wrong. Raises InvalidRequest."""
        lookup = Lookup.of(self._session)
        source = "" if self.action == "generate" else self.source.strip() if name == "source" else _GOOD_SOURCE
        line = write_line(self.action, source, **self._as_options([name] if name in FORM_OPTIONS else []))
        read_cell(line, self.prompt if name == "prompt" else _GOOD_PROMPT, lookup, names_only=True)

    def _preview(self, command: CellCommand) -> None:
        batch = plan_all(self._session, takes_of(command), ask=False)
        self.price = str(batch)
        self.request = would_send(command, self._session, batch)
        if (much := above_limits(batch, self._session.settings())) and not self.yes:
            self.errors = {"takes": _("{limits}: say yes below, or make fewer.").format(limits=translated(much))}
        if not self.yes and (paid := self._session.found_keys.notice(batch.plans)):
            words = _("{notice}. Say yes here, or choose the demo service.").format(notice=translated(paid))
            self.errors = {**self.errors, "yes": words}


def in_words(error: LumaError) -> str:
    """An error in the words of the form: of a parameter that it begins with, its field's label."""
    text, name = translated(error), re.match(r"[\w-]*", str(error))[0]  # type: ignore[index]  # it always matches
    return text.replace(name, translated(LABEL_OF[name]), 1) if name in LABEL_OF else text


def read_fields(given: Mapping[str, object]) -> dict[str, str | bool]:
    """Read fields of a form as it holds them. Raises InvalidRequest for one that it does not have, or cannot hold."""
    known = dict.fromkeys(["action", *(name for action in ACTIONS for name in fields_of(action))])
    fields: dict[str, str | bool] = {}
    for name, value in given.items():
        plain = as_python(value)
        if name not in known:
            names = ", ".join(known)
            raise InvalidRequest(f"The studio has no field {name}. Its fields are {names}.")
        if isinstance(getattr(Form, name), traitlets.Bool):
            fields[name] = read_flag(name, plain)
        elif isinstance(plain, str):
            fields[name] = plain
        elif isinstance(plain, int | float) and not isinstance(plain, bool):
            fields[name] = f"{plain}"
        else:
            raise InvalidRequest(f"{name} must be text, not {shown(value)}.")
    action = fields.get("action", ACTIONS[0])
    if action not in ACTIONS:
        actions = ", ".join(ACTIONS)
        raise InvalidRequest(f"There is no action {action}: choose {actions}.")
    return fields


def _outcome(clips: list[Clip], name: str) -> str:
    """What came of the button; it stays true when the clips are done."""
    new = len([clip for clip in clips if not clip.handle.reused])
    begun = ngettext(
        "Started: use {name} in your next cells.",
        "{count} videos started: use the list {name} in your next cells.",
        new,
    )
    words = begun if new else _("Already asked for, no charge: use {name} in your next cells.")
    return words.format(count=new, name=name)
