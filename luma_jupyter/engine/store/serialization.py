"""Tasks as plain data and back, for the journal, the sidecars, and clips that somebody stores.

What is read comes from a file that somebody may have handed over, damaged or forged: every value is checked, and the
request checks itself as if it had just been typed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from luma_jupyter.domain.fingerprint import is_file_record, is_frame_record, parameters
from luma_jupyter.domain.media import LocalFile, preview_in
from luma_jupyter.domain.pieces import FilmFile, Piece
from luma_jupyter.domain.requests import KINDS, FilmRequest, FrameRef, Request, VideoRef
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.urls import is_web_url, shown_url, split_login
from luma_jupyter.domain.vocabulary import SERVICE_NAMES, Status
from luma_jupyter.errors import ClipCancelled, ClipDetached, ClipError, ClipFailed, ClipUnconfirmed, LumaError

ERRORS: Mapping[Status, type[ClipError]] = {
    Status.FAILED: ClipFailed,
    Status.UNCONFIRMED: ClipUnconfirmed,
    Status.DETACHED: ClipDetached,
    Status.CANCELLED: ClipCancelled,
}
LATEST_TIME = 3e10  # in the year 2920: Windows knows none after 3000
LARGEST_NUMBER = 1e15  # bytes, credits, US dollars
_TIMES = ("created_at", "submitted_at", "sent_at", "ended_at")
_TEXTS = ("fingerprint", "source_label", "name", "task_id", "base_url", "account", "problem", "trace_id", "making")


# What `dump` writes; and what a sidecar has beside it, of which a person's note is no part of the task.
_KNOWN = frozenset(
    [
        *("intent", "fingerprint", "action", "prompt", "request", "source_label", "source_intent", "name", "provider"),
        *("status", "task_id", "base_url", "video", "media", "folder", "filename", "file_size", "price", "cost"),
        *("doubts", "error", "problem", "trace_id", "credits", "replayed", "payload", "again", "making", *_TIMES),
        *("gateway", "account", "schema", "bytes", "note"),
    ]
)


_path = lru_cache(maxsize=100)(Path)  # of thousands of records most are of the same few folders


class Unreadable(ValueError):
    """A record is damaged, or not one of ours."""


def dump(task: Task) -> dict[str, Any]:
    """A task as plain data, with what a later version wrote beside it."""
    return {
        **task.extra,
        "intent": task.intent,
        "fingerprint": task.fingerprint,
        "action": task.request.action,
        "prompt": task.request.prompt,
        "request": parameters(task.request),
        "source_label": task.source_label,
        "source_intent": task.source_intent,
        "name": task.name,
        "provider": task.provider,
        "status": task.status.value,
        "task_id": task.task_id,
        "base_url": task.base_url,
        "video": asdict(task.video) if task.video else None,
        "media": str(task.media),
        "folder": str(task.folder),
        "filename": task.filename,
        "file_size": task.file_size if task.path else None,
        "price": task.price,
        "cost": task.cost,
        "doubts": task.doubts,
        "error": str(task.error) if task.error else None,
        "problem": task.problem,
        "trace_id": task.trace_id,
        "credits": task.credits,
        "replayed": task.replayed or None,
        "payload": dict(task.payload) if task.payload is not None else None,
        "again": task.again or None,
        "making": task.making,
        "gateway": task.gateway or None,
        "account": task.account or None,
        **{name: getattr(task, name) for name in _TIMES},
    }


def load(data: object) -> Task:
    """A task from plain data; its ``path`` is set where a file was saved. Raises Unreadable."""
    try:
        return _load(_mapping(data))
    except (KeyError, TypeError, ValueError, RecursionError, LumaError) as error:
        raise Unreadable(str(error)) from None


def read_task(text: object) -> Task | None:
    """The task of a journal's row, as JSON; None where it is damaged."""
    try:
        return load(json.loads(text)) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _load(data: Mapping[str, Any]) -> Task:
    texts = {name: _text(data, name) for name in _TEXTS}
    times = {name: _number(data, name, LATEST_TIME) for name in _TIMES}
    if data["provider"] not in SERVICE_NAMES or (data["provider"] == "local") != (data["action"] == "film"):
        raise Unreadable("provider")
    if times["created_at"] is None:
        raise Unreadable("created_at")
    status = Status(data["status"])
    filename = _text(data, "filename") or ""
    if not filename.endswith(".mp4") or set(filename) & set("/\\\0:"):
        raise Unreadable("filename")
    size = _count(data, "file_size")
    media = _path(_text(data, "media") or "")
    source_intent = data.get("source_intent")
    error = ERRORS.get(status)
    return Task(
        intent=_intent(data["intent"]),
        request=read_request(data),
        provider=data["provider"],
        status=status,
        extra={name: value for name, value in data.items() if name not in _KNOWN},
        filename=filename,
        media=media,
        folder=_path(_text(data, "folder") or ""),
        source_intent=None if source_intent is None else _intent(source_intent),
        video=_video(data.get("video"), only_here=data["provider"] == "local"),
        path=media / filename if size is not None else None,
        file_size=size,
        price=_number(data, "price"),
        cost=_number(data, "cost"),
        credits=_number(data, "credits"),
        replayed=_flag(data, "replayed"),
        gateway=_flag(data, "gateway"),
        payload=None if data.get("payload") is None else _mapping(data["payload"]),
        doubts=_count(data, "doubts") or 0,
        again=_count(data, "again") or 0,
        error=error(_text(data, "error") or "") if error else None,
        **{**texts, **_cleaned(texts), "fingerprint": texts["fingerprint"] or ""},  # type: ignore[arg-type]
        **times,  # type: ignore[arg-type]
    )


def _cleaned(texts: Mapping[str, str | None]) -> dict[str, str | None]:
    """The addresses that earlier versions wrote down with what may be a secret in them."""
    label, base_url = texts["source_label"], texts["base_url"] or ""
    if "@" in base_url:
        base_url = split_login(base_url)[0]
    return {"base_url": base_url, "account": texts["account"] or "", "source_label": label and shown_url(label)}


def read_request(data: Mapping[str, Any]) -> Request:
    """The request in a record. Raises InvalidRequest, KeyError or TypeError where it is none."""
    kind = KINDS[data["action"]]
    parameters = dict(_mapping(data["request"]))
    if kind is FilmRequest:
        return _film(data["prompt"], parameters)
    for name, value in parameters.items():
        if is_file_record(value):
            parameters[name] = LocalFile.from_record(value)
        elif is_frame_record(value):
            parameters[name] = _frame(value)
    source = parameters.get("source")
    if source is not None and not isinstance(source, LocalFile):
        source = _mapping(source)
        parameters["source"] = VideoRef(video_id=_text(source, "video_id"), url=_address(source, "url"))
    return kind(prompt=data["prompt"], **parameters)


def _film(prompt: str, parameters: Mapping[str, Any]) -> FilmRequest:
    files = {name: FilmFile.from_record(parameters[name]) for name in ("music", "voice") if name in parameters}
    parts = tuple(Piece.from_record(_mapping(part)) for part in parameters["parts"])
    return FilmRequest(prompt=prompt, **{**parameters, **files, "parts": parts})


def _frame(data: Mapping[str, Any]) -> FrameRef:
    return FrameRef(_intent(data["intent"]), data["when"], _text(data, "label") or "", preview_in(data))


def _video(data: object, *, only_here: bool) -> Video | None:
    if data is None:
        return None
    video = _mapping(data)
    url = _address(video, "url")
    if url is None and not only_here:
        raise Unreadable("video")
    sizes = {name: _number(video, name) for name in ("width", "height")}
    return Video(
        url=url,
        video_id=_text(video, "video_id"),
        thumbnail_url=_address(video, "thumbnail_url"),
        **{name: None if size is None else int(size) for name, size in sizes.items()},
    )


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable("not an object")
    return value


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise Unreadable(name)
    return value


def _address(data: Mapping[str, Any], name: str) -> str | None:
    value = _text(data, name)
    if value is not None and not is_web_url(value):
        raise Unreadable(name)
    return value


def _flag(data: Mapping[str, Any], name: str) -> bool:
    value = data.get(name)
    if value is not None and not isinstance(value, bool):
        raise Unreadable(name)
    return value is True


def _number(data: Mapping[str, Any], name: str, largest: float = LARGEST_NUMBER) -> float | None:
    value = data.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < largest:
        raise Unreadable(name)
    return value


def _count(data: Mapping[str, Any], name: str) -> int | None:
    value = _number(data, name)
    if isinstance(value, float):
        raise Unreadable(name)
    return value


def _intent(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{32}", value):
        raise Unreadable("intent")
    return value
