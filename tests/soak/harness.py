"""The long soak, by hand: ``make soak``. One kernel makes 10,000 clips one after another, and lets go of all of them.

Prints what it holds after the first 100 and in the end, and fails where that grows. The services are played in this
process, and time on the engine's loop costs nothing; all else is as in a notebook: cells, cards, journal, media folder.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import io
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import httpx
import psutil
from ipywidgets.widgets.widget import _instances  # type: ignore[attr-defined]

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.run.task_run import TaskRun
from luma_jupyter.errors import ClipError
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.widgets.base import LiveCard
from tests.support import settings
from tests.support.notebook import KEYS, Kernels, PromptService, Shell, open_shell

CLIPS = 10_000
FIRST = 100  # clips after which the kernel has all that it needs
MOST_MEMORY = 20.0  # MB that it may grow by after that
MEMORY = Path("/dev/shm")  # where there is one: the disk's time is not the kernel's
SLACK = 20  # of anything else: what is at hand for a while is not always as many
# How the clips of a round end; [hang] would never.
ENDINGS = ("", "", "[fail] ", "", "", "", "", "[fail] ", "[refuse] ", "", "")


class ForgetfulService(PromptService):
    """The played services, which keep nothing of what is over: their memory is not the kernel's."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.all_seen.clear()
        for task_id in self.tasks[:-FIRST]:
            del self._submitted[task_id], self._requests[task_id]
        return await super().__call__(request)


@dataclass(frozen=True)
class Census:
    """What a kernel holds: ``memory`` in MB, all else in numbers."""

    clips_made: int
    memory: float
    descriptors: int
    threads: int
    comms: int
    cards: int
    handles: int
    clips: int
    runs: int


def census(clips_made: int) -> Census:
    """Count what this kernel holds once all garbage is gone."""
    for _ in range(3):
        gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what glibc keeps of it for later is nobody's
    process = psutil.Process()
    kinds = (LiveCard, Handle, Clip, TaskRun)
    found = [sum(isinstance(thing, kind) for thing in gc.get_objects()) for kind in kinds]
    return Census(
        clips_made,
        process.memory_info().rss / 1e6,
        process.num_fds() if hasattr(process, "num_fds") else process.num_handles(),
        threading.active_count(),
        len(_instances),
        *found,
    )


def make_clips(notebook: Shell, first: int, last: int) -> None:
    """Make clips as people do: by cells that show a card and by calls, into a variable or none; some fail."""
    for number in range(first, last):
        prompt = f"{ENDINGS[number % len(ENDINGS)]}Scene {number}"
        with suppress(ClipError):
            if number % 2:
                with redirect_stdout(io.StringIO()):  # what a failed cell prints
                    notebook.run(f"%%luma -o scene --wait\n{prompt}")
            else:
                luma.generate(prompt).wait()
        notebook.displays.outputs.clear()  # those are the page's


def soak(notebook: Shell, clips: int, steps: int = 1) -> Iterator[Census]:
    """Make so many clips after the `FIRST` ones; what the kernel holds then, and after each of the steps."""
    made = 0
    for number in (FIRST, *(FIRST + (clips - FIRST) * step // steps for step in range(1, steps + 1))):
        make_clips(notebook, made, number)
        made = number
        yield census(made)


def grown(first: Census, last: Census) -> list[str]:
    """What a kernel holds more of than after its first clips."""
    names = [field.name for field in fields(Census)[2:]]
    counts = [(name, getattr(first, name), getattr(last, name)) for name in names]
    more = [f"{name}: {then} → {now}" for name, then, now in counts if now > then + SLACK]
    memory = last.memory - first.memory
    return more + ([f"memory: {memory:.1f} MB more, and {MOST_MEMORY:g} are allowed"] if memory > MOST_MEMORY else [])


@contextmanager
def open_notebook() -> Iterator[Shell]:
    """A notebook whose services are played, in a folder and a home of its own."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        os.chdir(folder)
        os.environ.update(LUMA_JUPYTER_HOME=str(Path(folder, "home")), IPYTHONDIR=folder)
        kernel.key_stores = tuple  # type: ignore[method-assign]
        settings.configure(**KEYS)
        kernels = Kernels(lambda: HttpClient(transport=httpx.MockTransport(ForgetfulService())))
        with open_shell(kernels) as notebook:
            notebook.ip.kernel = object()
            yield notebook
        kernels.kill()
        os.chdir("/")


def main() -> int:
    """Run the soak; 1 where the kernel holds more in the end."""
    parser = argparse.ArgumentParser(description="What does a kernel hold that made many clips?")
    parser.add_argument("--clips", type=int, default=CLIPS)
    given = parser.parse_args()
    found = []
    with open_notebook() as notebook:
        print(" ".join(f"{field.name:>11}" for field in fields(Census)), "    seconds")
        begun = time.monotonic()
        for count in soak(notebook, given.clips, steps=10):
            found.append(count)
            print(
                " ".join(f"{value:>11,.6g}" for value in astuple(count)),
                f"{time.monotonic() - begun:>11.0f}",
                flush=True,
            )
    more = grown(found[0], found[-1])
    print("\n".join(more) or "The kernel holds no more than after its first clips.")
    return bool(more)


if __name__ == "__main__":
    sys.exit(main())
