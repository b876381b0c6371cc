"""Videos that play in step, as a state to wait for. How far apart they are at most, `make bench` measures: on a machine
that has other work, each may be late for a moment."""

from __future__ import annotations

APART = 0.08  # seconds
# Moves the slider of such videos to so many seconds.
SEEK = """(input, seconds) => {
    input.value = seconds;
    input.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def in_step(videos: str, least: float = 0.0, most: float = 1e9) -> str:
    """An expression: these videos, an array, are within 80 ms of each other, all of them from ``least`` to ``most``
    seconds."""
    return f"""(() => {{
        const videos = {videos};
        const places = videos.map((video) => video.currentTime);
        const first = Math.min(...places), last = Math.max(...places);
        return videos.length > 1 && videos.every((video) => !video.seeking)
            && last - first <= {APART} && {least} <= first && last <= {most};
    }})()"""
