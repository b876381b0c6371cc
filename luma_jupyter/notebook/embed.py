"""The video inside the notebook: read from the saved file when the finished card is drawn, and only then."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

from luma_jupyter.notebook.host import Host
from luma_jupyter.notebook.render import Look, size


def with_video(look: Look, host: Host) -> Look:
    """The look with its video in it, where the host wants that; else with a remark that says why it is not."""
    path = look.task.path
    if host.how == "remote" and path and not look.remote:
        return replace(look, remark="This page cannot reach the saved file; --embed puts the video into the notebook.")
    if host.how != "embed" or path is None:
        return look
    try:
        if (bytes_ := path.stat().st_size) > host.limit:
            limit = f"too large to be in the notebook ({size(bytes_)}; up to {size(host.limit)} here)"
            return replace(look, remark=f"The video is {limit}{_instead(look)}.")
        data = path.read_bytes()
    except OSError as error:
        return replace(look, remark=f"The saved file cannot be read ({error.strerror or error}){_instead(look)}.")
    return replace(look, data=f"data:video/mp4;base64,{b64encode(data).decode()}")


def _instead(look: Look) -> str:
    if look.file and look.served:
        return ""
    return (
        "; it plays from the service as long as its address holds" if look.remote else ", and nothing here can play it"
    )
