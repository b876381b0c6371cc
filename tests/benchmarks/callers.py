"""One paid call through one client, as its README shows it; what the caller then knows is printed as JSON.

Run by `paid_twice` in a process of its own: ``python -m tests.benchmarks.callers CLIENT [--image URL] [--timeout S]``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
from collections.abc import Callable
from typing import Any

PROMPT = "A paper boat on a calm lake"
SOURCE = "https://films.example.com/source.mp4"
Report = dict[str, Any]


class NotMeasurable(Exception):
    """The client cannot be put into the situation."""


def call_acedatacloud(report: Report, image: str | None, timeout: float | None) -> None:
    """Create a task and wait on its handle; the asynchronous mode is this method's default."""
    from acedatacloud import AceDataCloud

    limits: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
    client = AceDataCloud(base_url=os.environ["ACEDATACLOUD_API_BASE_URL"], **limits)
    task = client.luma.generate(prompt=PROMPT, start_image_url=image)
    report["ids"] = [task.id]
    task.wait()
    report["urls"] = task.urls()


def call_runapi(report: Report, image: str | None, timeout: float | None) -> None:
    """Create a task and poll until it completes, with the one call for that."""
    from runapi.luma import LumaClient

    limits: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
    client = LumaClient(base_url=os.environ["RUNAPI_BASE_URL"], **limits)
    result = client.modify_video.run(model="luma-modify-video", prompt=PROMPT, source_video_url=SOURCE)
    report["ids"] = [result.id]
    report["urls"] = [video.url for video in result.videos]


def call_ours(report: Report, image: str | None, timeout: float | None, *, modify: bool) -> None:
    """Make a clip and wait for it."""
    import luma_jupyter

    if timeout is not None:
        _shorten_patience(timeout)
    clip = luma_jupyter.modify(SOURCE, PROMPT) if modify else luma_jupyter.generate(PROMPT, start_image=image)
    try:
        clip.wait()
    finally:
        report["ids"] = [clip.task_id] if clip.task_id else []
    report["urls"] = [clip.url]
    report["sha256"] = hashlib.sha256(clip.path.read_bytes()).hexdigest() if clip.path else None


def _shorten_patience(seconds: float) -> None:
    """Our time for a submission's answer is not for the user to set, so it is changed from outside."""
    import httpx

    from luma_jupyter.providers.http import requests as http

    if not isinstance(getattr(http, "SUBMIT_TIMEOUT", None), httpx.Timeout):
        raise NotMeasurable("there is no SUBMIT_TIMEOUT to shorten")
    http.SUBMIT_TIMEOUT = httpx.Timeout(seconds)


TAKE_IMAGES = ("acedatacloud", "luma_jupyter generate")
CALLS: dict[str, Callable[[Report, str | None, float | None], None]] = {
    "acedatacloud": call_acedatacloud,
    "runapi-luma": call_runapi,
    "luma_jupyter generate": lambda *given: call_ours(*given, modify=False),
    "luma_jupyter modify": lambda *given: call_ours(*given, modify=True),
}


def main() -> None:
    """Make the call; whatever comes of it is part of the report."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored, where the parent's is
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CALLS)
    parser.add_argument("--image")
    parser.add_argument("--timeout", type=float)
    given = parser.parse_args()
    report: Report = {"ids": [], "urls": [], "error": None, "details": "", "measured": True}
    try:
        CALLS[given.client](report, given.image, given.timeout)
    except BaseException as error:
        report["error"] = f"{type(error).__name__}: {error}"
        report["details"] = repr(vars(error))
        report["measured"] = not isinstance(error, NotMeasurable | ImportError | SyntaxError)
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
