"""One paid call through one client, as its README shows it; what the caller then knows is printed as JSON.

Run by `paid_twice` in a process of its own: ``python -m tests.benchmarks.callers CLIENT [options]``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

PROMPT = "A paper boat on a calm lake"
SOURCE = "https://films.example.com/source.mp4"
Report = dict[str, Any]


class NotMeasurable(Exception):
    """The client cannot be put into the situation."""


def call_acedatacloud(report: Report, given: argparse.Namespace) -> None:
    """Create a task and wait on its handle; the asynchronous mode is this method's default."""
    from acedatacloud import AceDataCloud

    limits: dict[str, Any] = {} if given.timeout is None else {"timeout": given.timeout}
    client = AceDataCloud(base_url=os.environ["ACEDATACLOUD_API_BASE_URL"], **limits)
    if given.source:
        platform = os.environ["ACEDATACLOUD_PLATFORM_BASE_URL"]
        account = AceDataCloud(api_token=os.environ["ACEDATACLOUD_PLATFORM_TOKEN"], platform_base_url=platform)
        uploaded = account.files.upload(given.source)["file_url"]
        task = client.luma.generate(action="extend", prompt=PROMPT, video_url=uploaded)
    else:
        task = client.luma.generate(prompt=PROMPT, start_image_url=given.image)
    report["ids"] = [task.id]
    task.wait()
    report["urls"] = task.urls()


def call_runapi(report: Report, given: argparse.Namespace) -> None:
    """Create a task and poll until it completes, with the one call for that."""
    from runapi.luma import LumaClient

    limits: dict[str, Any] = {} if given.timeout is None else {"timeout": given.timeout}
    client = LumaClient(base_url=os.environ["RUNAPI_BASE_URL"], **limits)
    source = client.files.create(file=given.source).url if given.source else SOURCE
    result = client.modify_video.run(model="luma-modify-video", prompt=PROMPT, source_video_url=source)
    report["ids"] = [result.id]
    report["urls"] = [video.url for video in result.videos]


def call_ours(report: Report, given: argparse.Namespace, *, modify: bool) -> None:
    """Make a clip and wait for it."""
    import luma_jupyter

    if given.timeout is not None:
        _shorten_patience(given.timeout)
    if given.machine:
        from tests.chaos.life import share_the_home

        share_the_home(given.machine)
    if modify:
        clip = luma_jupyter.modify(given.source or SOURCE, PROMPT)
    elif given.source:
        clip = luma_jupyter.extend(given.source, PROMPT)
    else:
        clip = luma_jupyter.generate(PROMPT, start_image=given.image)
    try:
        clip.wait()
    finally:
        report["ids"] = [clip.task_id] if clip.task_id else []
    report["urls"] = [clip.url]
    report["path"] = str(clip.path) if clip.path else None


def _shorten_patience(seconds: float) -> None:
    """Our time for a submission's answer is not for the user to set, so it is changed from outside."""
    import httpx

    from luma_jupyter.providers.http import requests as http

    if not isinstance(getattr(http, "SUBMIT_TIMEOUT", None), httpx.Timeout):
        raise NotMeasurable("there is no SUBMIT_TIMEOUT to shorten")
    http.SUBMIT_TIMEOUT = httpx.Timeout(seconds)


def freeze_before_sending() -> None:
    """Let this process stop itself (SIGSTOP) a moment before it connects to the service for the first time."""
    port = urlsplit(os.environ["RUNAPI_BASE_URL"]).port
    frozen = False

    def hear(event: str, details: tuple[Any, ...]) -> None:
        nonlocal frozen
        if event == "socket.connect" and not frozen and details[1][1] == port:
            frozen = True
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # to the process it would come a little later

    sys.addaudithook(hear)


TAKE_IMAGES = ("acedatacloud", "luma_jupyter generate")
SAVE_FILES = ("luma_jupyter generate", "luma_jupyter modify")
CALLS: dict[str, Callable[[Report, argparse.Namespace], None]] = {
    "acedatacloud": call_acedatacloud,
    "runapi-luma": call_runapi,
    "luma_jupyter generate": lambda *given: call_ours(*given, modify=False),
    "luma_jupyter modify": lambda *given: call_ours(*given, modify=True),
}


def main() -> None:
    """Make the call; whatever comes of it is part of the report."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored, where the parent's is
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CALLS)
    parser.add_argument("--image", help="the first frame, a URL")
    parser.add_argument("--source", help="a file of one's own, to extend or modify")
    parser.add_argument("--timeout", type=float, help="the client's own, in seconds")
    parser.add_argument("--machine", help="be on this one of several machines with one home folder")
    parser.add_argument("--freeze", action="store_true", help="stop before the first connection to the service")
    given = parser.parse_args()
    report: Report = {"ids": [], "urls": [], "error": None, "details": "", "measured": True}
    if given.freeze:
        freeze_before_sending()
    try:
        CALLS[given.client](report, given)
    except BaseException as error:
        report["error"] = f"{type(error).__name__}: {error}"
        report["details"] = repr(vars(error))
        report["measured"] = not isinstance(error, NotMeasurable | ImportError | SyntaxError)
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
