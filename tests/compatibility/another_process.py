"""What the tests of this folder do with luma_jupyter, each in a process of its own that knows nothing yet.

Run as ``python another_process.py FUNCTION [ARGUMENT…]`` in a notebook's folder; prints what the function returns, as
JSON on the last line. Only what is public is used here, so this runs with every version.
"""

from __future__ import annotations

import json
import pickle
import shlex
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import fields, is_dataclass
from io import StringIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

import luma_jupyter as luma

Call = Mapping[str, Any]
Facts = dict[str, Any]
END_ONLY = ("video_id", "url", "thumbnail_url", "width", "height", "path")


def facts(clip: luma.Clip) -> Facts:
    """What a clip says of itself, as plain data; of its file only the name, of its source what that is."""
    known: Facts = {name: getattr(clip, name) for name in ("status", "prompt", "action", "provider", "task_id")}
    known["created_at"] = round(clip.created_at.timestamp(), 3)
    known["elapsed"] = clip.elapsed
    known["source"] = facts(clip.source) if isinstance(clip.source, luma.Clip) else clip.source
    known["error"] = error_facts(clip.error)
    for name in END_ONLY:
        try:
            value = getattr(clip, name)
        except luma.LumaError as error:
            value = {"kind": type(error).__name__}
        known[name] = value.name if isinstance(value, Path) else value
    return known


def error_facts(error: BaseException | None) -> Facts | None:
    """An error, and the service's own refusal in it, as plain data."""
    if error is None:
        return None
    known: Facts = {"kind": type(error).__name__, "text": str(error)}
    for name in ("code", "words", "trace_id", "http_status", "service"):
        if hasattr(error, name):
            known[name] = getattr(error, name)
    for name in ("reason", "cause"):
        if hasattr(error, name):
            known[name] = error_facts(getattr(error, name))
    return known


def ask(call: Call, made: Mapping[str, luma.Clip]) -> list[luma.Clip]:
    """Ask for what a call describes by the public functions; ``made`` holds what earlier calls gave."""
    options = dict(call["options"])
    if "start_image" in options:
        options["start_image"] = Path(options["start_image"]).read_bytes()
    source = made.get(call["source"], call["source"])
    if call["takes"] > 1:
        return list(luma.batch(call["prompt"], takes=call["takes"], yes=True, **options))
    if call["action"] == "generate":
        return [luma.generate(call["prompt"], **options)]
    function = luma.extend if call["action"] == "extend" else luma.modify
    return [function(source, call["prompt"], **options)]


def cell_of(call: Call) -> str:
    """The cell that asks for the same; a picture given as bytes is in the variable ``picture``."""
    words = ["%%luma", call["action"], call["source"] or "", "-o", call["name"]]
    if call["takes"] > 1:
        words += ["--takes", str(call["takes"])]
    for name, value in call["options"].items():
        match name, value:
            case "start_image", _:
                words += ["--start-image", "picture"]
            case "enhancement", False:
                words.append("--no-enhancement")
            case "watermark", str():
                words += ["--watermark-id", value]
            case _, True:
                words.append(f"--{name.replace('_', '-')}")
            case _:
                words += [f"--{name.replace('_', '-')}", str(value)]
    return f"{shlex.join(filter(None, words))}\n{call['prompt']}"


def shell() -> InteractiveShell:
    """A shell in which the extension is loaded, as in a terminal."""
    new = InteractiveShell.instance()
    new.run_line_magic("load_ext", "luma_jupyter")
    for clip in luma.clips():  # later versions look for what is unconfirmed
        if clip.status in ("queued", "submitting"):
            with suppress(luma.LumaError):
                clip.wait()
    return new


def printed(ip: InteractiveShell, cell: str) -> str:
    """What a cell prints; its error, if it has one, as ``Kind: text``."""
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        result = ip.run_cell(cell)
    error = result.error_before_exec or result.error_in_exec
    return out.getvalue() + (f"\n{type(error).__name__}: {error}" if error else "")


def ask_again(calls: str) -> dict[str, list[Facts]]:
    """Ask for each call of a file again in Python; what came of it by name."""
    made: dict[str, luma.Clip] = {}
    answers = {}
    for call in json.loads(Path(calls).read_text(encoding="utf-8")):
        clips = ask(call, made)
        made[call["name"]] = clips[0]
        answers[call["name"]] = [facts(clip) | {"there": _is_there(clip)} for clip in clips]
    return answers


def run_again(calls: str) -> dict[str, list[Facts]]:
    """Run the cell of each call of a file again; what is in its variable then."""
    ip = shell()
    answers = {}
    for call in json.loads(Path(calls).read_text(encoding="utf-8")):
        if "start_image" in call["options"]:
            ip.user_ns["picture"] = Path(call["options"]["start_image"]).read_bytes()
        said = printed(ip, cell_of(call))
        found = ip.user_ns[call["name"]]
        clips = [found] if isinstance(found, luma.Clip) else list(found)
        answers[call["name"]] = [facts(clip) | {"there": _is_there(clip), "said": said} for clip in clips]
    return answers


def _is_there(clip: luma.Clip) -> bool:
    """Whether its file is in the media folder of here, with the bytes that its service served."""
    path = clip.path
    if path is None or path.parent != Path.cwd() / "luma_videos" or not path.is_file():
        return False
    return clip.provider == "demo" or (clip.task_id or "?").encode() in path.read_bytes()


def history(*words: str) -> list[Facts]:
    """What ``%luma history`` gives, as plain data."""
    rows = shell().run_line_magic("luma", " ".join(["history", *words]))
    assert str(rows)
    assert rows._repr_html_()
    return [row | {"made": row["made"].timestamp(), "ended": row["ended"] and row["ended"].timestamp()} for row in rows]


def listed(folder: str = "") -> list[Facts]:
    """What ``luma_jupyter.clips()`` gives."""
    clips = luma.clips(folder=folder or None)
    assert repr(clips)
    return [facts(clip) for clip in clips]


def load_pickles(folder: str, copies: str, wanted: str) -> dict[str, Any]:
    """Load each pickle of a folder, pickle it again into another one, and say of it what is wanted of its kind."""
    names = json.loads(Path(wanted).read_text(encoding="utf-8"))
    found = {}
    for path in sorted(Path(folder).glob("*.pickle")):
        try:
            content = pickle.loads(path.read_bytes())
            (Path(copies) / path.name).write_bytes(pickle.dumps(content))
            found[path.stem] = contents(content, names[path.stem.removesuffix("-2")])
        except Exception as error:  # the others are looked at all the same
            found[path.stem] = f"{type(error).__name__}: {error}"
    return found


def contents(content: object, wanted: Any = None) -> Any:
    """What is in a pickle, as plain data; of a request or a snapshot only what is ``wanted``, None: everything."""
    if isinstance(content, luma.Clip):
        assert repr(content)
        assert content._repr_html_()
        return facts(content)
    if isinstance(content, list):
        items = [contents(*pair) for pair in zip_longest(content, wanted or [])]
        if hasattr(content, "wait"):
            assert content.wait(timeout=0) is content
            assert repr(content)
        return items
    if isinstance(content, BaseException):
        return error_facts(content)
    if isinstance(content, Path):
        return content.name
    if isinstance(content, bytes):
        return content.hex()
    names = wanted if isinstance(wanted, dict) else getattr(content, "__dataclass_fields__", {})
    if not names or isinstance(content, str | int | float | None):
        return content
    return {name: contents(getattr(content, name), isinstance(wanted, dict) and wanted[name]) for name in names}


def field_orders(folder: str) -> dict[str, list[str]]:
    """The fields, in their order, of each kind of thing that the pickles of a folder hold as a list of values."""
    known: dict[str, list[str]] = {}
    for path in sorted(Path(folder).glob("*.pickle")):
        content = pickle.loads(path.read_bytes())
        for thing in content if isinstance(content, list) else [content]:
            add_field_orders(thing, known)
    return known


def add_field_orders(thing: object, known: dict[str, list[str]]) -> None:
    """Add those of a thing, and of all that is in its fields; each of these has a value."""
    if is_dataclass(thing) and hasattr(type(thing), "__slots__"):
        names = known[type(thing).__name__] = [field.name for field in fields(thing)]
        for name in names:
            add_field_orders(getattr(thing, name), known)


def follow_up(pickled: str) -> Facts:
    """Go on from a pickled clip: what its next step is, what it is waited for, what tree it belongs to, its copy."""
    clip = pickle.loads(Path(pickled).read_bytes())
    return {
        "longer": facts(clip.extend("The ship lands beside the lava")),
        "waited": clip.wait(timeout=0) is clip,
        "tree": str(clip.lineage()),
        "there": _is_there(clip.retry()),
        "saved": Path(clip.save("copy.mp4")).read_bytes().hex(),
    }


def restore(name: str) -> Facts:
    """Get a clip back with ``%store -r``."""
    ip = shell()
    said = printed(ip, f"%load_ext storemagic\n%store -r {name}")
    return facts(ip.user_ns[name]) | {"said": said}


def lines(*cells: str) -> list[str]:
    """Run cells one after the other: what loading the extension and each of them printed."""
    said = StringIO()
    with redirect_stdout(said):
        ip = shell()
    return [said.getvalue(), *(printed(ip, cell) for cell in cells)]


def watch(*cells: str) -> dict[str, str]:
    """Run cells, wait for all that they left under way, and say how the clips of this folder stand by prompt."""
    ip = shell()
    for cell in cells:
        printed(ip, cell)
    printed(ip, "%luma wait")
    return {row["prompt"]: row["status"] for row in ip.run_line_magic("luma", "history")}


def answer(function: str, *given: str) -> str:
    """What a function returns, as JSON."""
    with redirect_stdout(StringIO()):
        return json.dumps(globals()[function](*given))


if __name__ == "__main__":
    print(answer(*sys.argv[1:]))
