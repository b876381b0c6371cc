"""The hash that is equal for equal requests, and what goes into it."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.pieces import FilmFile, Piece
from luma_jupyter.domain.requests import FilmRequest, FrameRef, Request, VideoRef, frames_in


def fingerprint(request: Request, source_intent: str | None) -> str:
    """What equal requests have in common: 64 hex digits (SHA-256) of action, parameters and source.

    A source that is a clip counts by its intent, any other by its id or URL; a frame of a clip by the clip's intent and
    the moment, a file by its content. Parameters at their defaults are left out, so that one that a later version adds
    changes nothing; callback URLs do not count. Of a film its parts count, by what they are and not by their names, and
    so its prompt does not.
    """
    facts = {"action": request.action, **parameters(request), "prompt": _normalized(request.prompt)}
    facts |= {name: {"sha256": file["sha256"]} for name, file in facts.items() if is_file_record(file)}
    facts |= {name: {"intent": ref.intent, "when": ref.when} for name, ref in frames_in(request).items()}
    facts.pop("callback_url", None)
    if isinstance(request, FilmRequest):
        facts |= {"prompt": None, "parts": [part.facts for part in request.parts]}
    if source_intent is not None:
        facts["source"] = source_intent
    canonical = json.dumps(facts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def parameters(request: Request) -> dict[str, Any]:
    """The parameters that differ from their defaults, beside the prompt, as plain data."""
    values = {field.name: getattr(request, field.name) for field in fields(request) if field.name != "prompt"}
    defaults = {field.name: field.default for field in fields(request)}
    return {name: _plain(value) for name, value in values.items() if value != defaults[name]}


def is_file_record(value: object) -> bool:
    """Whether a parameter in plain data stands for a file."""
    return isinstance(value, dict) and "sha256" in value


def is_frame_record(value: object) -> bool:
    """Whether a parameter in plain data stands for a frame of a clip."""
    return isinstance(value, dict) and "when" in value


@lru_cache(maxsize=8)  # takes have the same prompt
def _normalized(prompt: str) -> str:
    """A prompt as far as it counts: however its letters are encoded, and wherever its lines break."""
    return " ".join(unicodedata.normalize("NFC", prompt).split())


def _plain(value: object) -> Any:
    if isinstance(value, LocalFile | FilmFile):
        return value.record
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Piece):
        return value.record
    if isinstance(value, FrameRef):
        return {name: fact for name, fact in asdict(value).items() if fact is not None}
    return asdict(value) if isinstance(value, VideoRef) else value
