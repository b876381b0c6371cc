"""A ``%%luma`` cell as a whole: read into a checked command, carried out, or only shown."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from luma_jupyter.cells.expressions import insert_variables
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.cells.parser import read_line
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.confirm import BatchPlan, plan_all, price_text, submit_all
from luma_jupyter.clip.grid import Grid
from luma_jupyter.clip.images import Images
from luma_jupyter.clip.session import Session
from luma_jupyter.clip.source import read_source
from luma_jupyter.domain.requests import ExtendRequest, FilmRequest, GenerateRequest, ModifyRequest, Request
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.urls import shown_url
from luma_jupyter.engine.plan import ONE_PER_REQUEST, Preview
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import translated
from luma_jupyter.printable import printable, printable_json
from luma_jupyter.views.film_outline import FilmOutline
from luma_jupyter.views.text import SHORT_STATUS_TEXT

YOUR_KEY = "‹your key›"
# Whose business an option is; all others are the request's.
_OF_CELL = ("takes", "yes", "out", "wait", "embed", "dry_run")
_OF_SPEC = ("provider", "timeout", "again")


@dataclass(frozen=True, kw_only=True)
class CellCommand:
    """A cell, checked: the spec, in so many takes, the variable's name, and what to do with the cell meanwhile.

    ``wait``, ``embed`` None: as the settings and the host say. ``yes``: nobody is to be asked.
    """

    spec: TaskSpec
    takes: int = 1
    yes: bool = False
    out: str | None = None
    wait: bool | None = None
    embed: bool | None = None
    dry_run: bool = False


def read_cell(line: str, body: str, lookup: Lookup, *, names_only: bool = False) -> CellCommand:
    """Read a ``%%luma`` cell: its line, and the prompt in its body. Raises InvalidRequest; then nothing was sent.

    ``names_only``: of what stands in double braces only plain names are replaced, as that runs no code of the user's.
    """
    cell = read_line(line, body)
    options = dict(cell.options)
    of_cell = {name: options.pop(name) for name in _OF_CELL if name in options}
    of_spec = {name: options.pop(name) for name in _OF_SPEC if name in options}
    if "out" in of_cell:
        of_cell["out"] = lookup.new_variable(of_cell["out"])
    named = [name for name in ("start_image", "end_image") if name in options]
    images = Images.of({name: lookup.image(name, options[name]) for name in named})
    of_spec["frames"] = images.frames
    options |= images.given
    prompt = insert_variables(body, lookup.variables, names_only=names_only)
    if cell.source is None:
        return CellCommand(spec=TaskSpec(request=GenerateRequest(prompt=prompt, **options), **of_spec), **of_cell)
    source = read_source(lookup.source(cell.source))
    kind = ExtendRequest if cell.action == "extend" else ModifyRequest
    request: Request = kind(prompt=prompt, source=source.video, **options)
    return CellCommand(spec=TaskSpec(request=request, after=source.after, label=source.label, **of_spec), **of_cell)


def create(command: CellCommand, session: Session) -> ClipList:
    """Do what a cell says: make its video, or its takes, and put what comes of it into the cell's variable.

    That is a clip, or for several takes the list of them. Raises as `submit_all` does.
    """
    if command.takes == 1:
        clips = ClipList([session.submit(session.plan(command.spec), command.out, yes=command.yes)])
    else:
        clips = submit_all(session, takes_of(command), name=command.out, yes=command.yes)
    for clip in clips:
        clip.embed = command.embed
    if command.out:
        session.variables()[command.out] = clips[0] if command.takes == 1 else clips
    return clips


def takes_of(command: CellCommand) -> Grid:
    """All takes that a cell asks for."""
    return Grid(command.spec.takes(command.takes))


def would_send(command: CellCommand, session: Session, batch: BatchPlan | None = None) -> str:
    """What a cell would send, and at what price, or how its film would be made; ``batch`` are its takes where they are
    planned already.

    Raises as `plan_all` does.
    """
    if isinstance(command.spec.request, FilmRequest):
        return str(FilmOutline(session.engine.outline(command.spec)))
    plan = session.plan(command.spec)
    preview, engine = plan.preview, session.engine
    call = _demo_curl(preview, engine.demo_token) if preview.provider == "demo" else _curl(preview, YOUR_KEY)
    earlier = engine.find_earlier(plan)
    text = _dry_run_text(preview, call, earlier)
    calls = [] if earlier else [(preview.provider, preview.price)]
    if command.takes > 1:
        batch = batch or plan_all(session, takes_of(command), ask=False)
        takes = _("{count} takes of this").format(count=command.takes)
        text += f"\n{replace(batch, grid=takes)}"
        calls = [(provider, price) for provider, _, price in batch.new]
    refusal = engine.costs.refusal(calls)
    return f"{text}\n{translated(refusal)}" if refusal else text


def _shown_payload(preview: Preview) -> dict[str, Any]:
    """What would be sent, without what may be a secret in addresses: what is shown is saved in the notebook."""
    return {name: shown_url(value) if name.endswith("_url") else value for name, value in preview.payload.items()}


def _curl(preview: Preview, key: str, options: str = "") -> str:
    """A request as a curl command."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **preview.headers}
    return " \\\n".join(
        [
            f"curl -X POST {options}{shlex.quote(preview.url)}",
            *(f"  -H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()),
            f"  -d {shlex.quote(printable_json(json.dumps(_shown_payload(preview), ensure_ascii=False)))}",
        ]
    )


def _demo_curl(preview: Preview, token: str) -> str:
    """A curl command that runs as it stands: the demo's key is no secret, as it ends with its kernel."""
    headers = {name: uuid4().hex if value == ONE_PER_REQUEST else value for name, value in preview.headers.items()}
    curl = _curl(replace(preview, headers=headers), token, f"--noproxy {shlex.quote('*')} ")
    how = _(
        "You can run this as it is, in a terminal or a %%bash cell, as long as this kernel runs; "
        "`%luma adopt TASK_ID --provider demo` makes a clip of its answer."
    )
    return f"{curl}\n\n{how}"


def _dry_run_text(preview: Preview, curl: str, earlier: Task | None) -> str:
    """A request as JSON and as a curl command; ``earlier`` is what would answer it unsent."""
    body = printable_json(json.dumps(_shown_payload(preview), ensure_ascii=False, indent=2))
    price = _("Price: {price}").format(price=price_text(preview.price))
    service: str = preview.provider
    if preview.gateway:
        service = _("{service} through the class gateway").format(service=service)
    if earlier:
        status = translated(SHORT_STATUS_TEXT[earlier.status])
        would = _(
            "Nothing was sent. This was made before ({status}), so without --again nothing is sent or paid. With "
            "--again, this would go to {service}:"
        ).format(status=status, service=service)
    else:
        would = _("Nothing was sent. This would go to {service}:").format(service=service)
    return printable(f"{would}\n\nPOST {preview.url}\n{body}\n\n{curl}\n\n{price}")
