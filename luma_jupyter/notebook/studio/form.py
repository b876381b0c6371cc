"""The form: its fields are the options of ``%%luma``, and what it does is what that cell would do.

It writes the cell that its fields stand for, has it read by the parser of the magics, and runs it. So it has no rules
of its own, and whoever fills it in sees the cell and can copy it. A field is right if a cell in which everything else
is right would be accepted; so each mistake is marked where it was made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from typing import Any

import traitlets
from IPython import get_ipython

from luma_jupyter.choices import ACTIONS, ASPECT_RATIOS, PROVIDERS
from luma_jupyter.errors import InvalidRequest, LumaError
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.page import PageModel, script
from luma_jupyter.notebook.parse import ONLY_FOR, CellCommand, parse_cell, write_line
from luma_jupyter.notebook.placing import above_limits, place, plan, would_send
from luma_jupyter.notebook.studio.incoming import Incoming
from luma_jupyter.notebook.studio.picks import Pick, picks
from luma_jupyter.notebook.variables import frame_asked

OPTIONS = (
    *("aspect_ratio", "loop", "enhancement", "start_image", "end_image", "watermark", "watermark_id"),
    *("provider", "out", "takes", "yes", "callback_url", "timeout", "again"),
)
_GOOD_PROMPT, _GOOD_SOURCE = "A prompt", "https://example.com/video.mp4"


def fields_of(action: str) -> list[str]:
    """The fields that go with an action, by their names."""
    source = [] if action == "generate" else ["source"]
    goes = [name for name in OPTIONS if action in ONLY_FOR.get(name.removesuffix("_id"), ACTIONS)]
    return ["prompt", *source, *goes]


class Form(PageModel):
    """A form for one action at a time. The fields are called as in what the parser gives, and hold what is typed.

    ``errors`` says by field what is wrong, ``problem`` what is wrong with the whole. ``cell`` is the cell that does the
    same, ``request`` what would be sent, ``price`` what it costs as far as that is known, ``said`` what came of the
    button. ``asked``: the button was pressed, so that fields which were never touched are marked too.
    ``focus``: it takes the focus when it is shown.
    """

    _esm = script("page.js", "studio/form.js")
    _css = script("studio/form.css")
    action = traitlets.Enum(ACTIONS, "generate").tag(sync=True)
    prompt = traitlets.Unicode().tag(sync=True)
    source = traitlets.Unicode().tag(sync=True)
    aspect_ratio = traitlets.Unicode(ASPECT_RATIOS[0]).tag(sync=True)
    loop = traitlets.Bool().tag(sync=True)
    enhancement = traitlets.Bool(True).tag(sync=True)
    start_image = traitlets.Unicode().tag(sync=True)
    end_image = traitlets.Unicode().tag(sync=True)
    watermark = traitlets.Bool().tag(sync=True)
    watermark_id = traitlets.Unicode().tag(sync=True)
    provider = traitlets.Unicode().tag(sync=True)
    out = traitlets.Unicode().tag(sync=True)
    takes = traitlets.Unicode("1").tag(sync=True)
    yes = traitlets.Bool().tag(sync=True)
    callback_url = traitlets.Unicode().tag(sync=True)
    timeout = traitlets.Unicode().tag(sync=True)
    again = traitlets.Bool().tag(sync=True)

    fields = traitlets.Dict({action: fields_of(action) for action in ACTIONS}).tag(sync=True)
    ratios = traitlets.List(list(ASPECT_RATIOS)).tag(sync=True)
    providers = traitlets.List(list(PROVIDERS)).tag(sync=True)
    clips: traitlets.List[Pick] = traitlets.List().tag(sync=True)
    errors = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    cell = traitlets.Unicode().tag(sync=True)
    request = traitlets.Unicode().tag(sync=True)
    price = traitlets.Unicode().tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    asked = traitlets.Bool().tag(sync=True)
    focus = traitlets.Bool().tag(sync=True)

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.on_made: Callable[[list[Clip]], None] = lambda clips: None  # with what the button made
        self._incoming = Incoming()
        self._judged: dict[tuple[str, ...], str] = {}
        self.observe(lambda change: self.check(), ["action", "prompt", "source", *OPTIONS])
        self.look()

    def look(self) -> None:
        """Look again at the clips that can be picked, and at what variables and clips make of the fields."""
        self.clips = picks()
        self._judged.clear()
        self.check()

    def check(self) -> None:
        """Say of each field whether it is right, and of the whole what would be sent."""
        with self.hold_sync():
            self.said, self.problem, self.request, self.price = "", "", "", ""
            self.cell = f"%%luma {self._line()}".rstrip() + f"\n{self.prompt.strip()}"
            self.errors = {name: error for name in self.fields[self.action] if (error := self._error_of(name))}
            if self._eats_itself() and "out" not in self.errors:
                self.errors = {**self.errors, "out": f"{self.out.strip()} is what it is made from: take another name."}
            if not self.errors:
                try:
                    self._preview(self._command())
                except LumaError as error:
                    self.problem = str(error)

    def submit(self) -> list[Clip]:
        """Do what the button says: run the cell. The clips; none where something is wrong, and nothing was sent."""
        self.look()
        self.asked = bool(self.errors)
        if self.errors or self.problem:
            return []
        try:
            clips = list(place(self._command(), _namespace()))
        except LumaError as error:
            self.problem = str(error)
            return []
        with self.hold_sync():
            self.again = self.yes = False  # said for this once: pressed again, the button must not pay again
            self.look()
            self.said = _said(clips, self.out.strip() or "_luma")
        self.on_made(clips)
        return clips

    def heard(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        super().heard(content, buffers)
        match content:
            case {"do": "submit", "fields": dict(fields)}:
                try:
                    self._fill(fields)
                    self.submit()
                finally:
                    self.send({"did": "submit"})
            case {"do": "look"}:
                self.look()
            case {"do": "upload", "field": "source" | "start_image" | "end_image" as field}:
                self._take_piece(field, content, buffers)

    def _fill(self, fields: dict[str, Any]) -> None:
        """Take what is in the page. A change of traits may be held back there, and the button overtake it."""
        for name in ("action", "prompt", "source", *OPTIONS):
            if name in fields:
                setattr(self, name, fields[name])

    def _take_piece(self, field: str, piece: dict[str, Any], buffers: list[memoryview]) -> None:
        """A piece of a file came; the field gets the file's path when it is whole."""
        try:
            path = self._incoming.take(field, piece["name"], piece["size"], piece["at"], bytes(buffers[0]))
        except LumaError as error:
            self.errors = {**self.errors, field: str(error)}
            self.send({"got": field, "at": None})
            return
        if path:
            setattr(self, field, path)
        self.send({"got": field, "at": piece["at"]})

    def _line(self) -> str:
        names = [name for name in self.fields[self.action] if name not in ("prompt", "source")]
        return write_line(
            self.action, self.source.strip() * ("source" in self.fields[self.action]), **self._as_options(names)
        )

    def _as_options(self, names: list[str]) -> dict[str, str | bool | None]:
        """Some fields as options; those at their defaults say nothing."""
        values = {name: getattr(self, name) for name in names if getattr(self, name) != self.trait_defaults(name)}
        mark_id = values.pop("watermark_id", "").strip()
        return {**values, "watermark": mark_id} if mark_id else values

    def _command(self) -> CellCommand:
        return parse_cell(self._line(), self.prompt, _namespace())

    def _error_of(self, name: str) -> str:
        """What is wrong with a field; remembered, as a picture has to be read for that."""
        key = (self.action, name, str(getattr(self, name)))
        if key not in self._judged:
            try:
                self._try(name)
                self._judged[key] = ""
            except LumaError as error:
                self._judged[key] = str(error)
        return self._judged[key]

    def _eats_itself(self) -> bool:
        """Whether the cell would take its own result as its source when it is run again, and so pay each time."""
        made_from = (name for name in ("source", "start_image", "end_image") if name in self.fields[self.action])
        used = [re.split(r"[@\[]", getattr(self, name).strip())[0] for name in made_from]
        return bool(self.out.strip()) and self.out.strip() in used

    def _try(self, name: str) -> None:
        """Have a cell read in which this field is the only one that can be wrong."""
        source = "" if self.action == "generate" else self.source.strip() if name == "source" else _GOOD_SOURCE
        value = getattr(self, name)
        if name in ("start_image", "end_image") and (asked := frame_asked(value.strip(), _namespace())):
            _check_done(asked[0])
        line = write_line(self.action, source, **self._as_options([name] if name in OPTIONS else []))
        parse_cell(line, self.prompt if name == "prompt" else _GOOD_PROMPT, _namespace())

    def _preview(self, command: CellCommand) -> None:
        planned = plan(command.order.takes(command.takes), ask=False)
        self.price = str(planned)
        self.request = would_send(command)
        if (much := above_limits(planned)) and not self.yes:
            self.errors = {"takes": f"{much}: say yes below, or make fewer."}


def _namespace() -> MutableMapping[str, Any]:
    shell = get_ipython()
    return shell.user_ns if shell else {}


def _check_done(clip: Clip) -> None:
    """A form waits for nothing. Raises InvalidRequest."""
    if not clip._task.status.ended:
        raise InvalidRequest(f"{clip._label} is still {clip.status}: its frames can be taken when it is done.")


def _said(clips: list[Clip], name: str) -> str:
    if len(clips) > 1:
        return f"{len(clips)} takes on their way: {name} holds them in your next cells."
    words = "Done before" if clips[0]._handle.recalled else "On its way"
    return f"{words}: {name} holds it in your next cells."
