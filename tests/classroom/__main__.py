"""Run a class until Ctrl-C: ``python -m tests.classroom``."""

from __future__ import annotations

import argparse
import os
import sys
import time
import webbrowser

from tests.classroom.hub import STUDENTS, TEACHER
from tests.classroom.room import NotStarted, Room, interrupt_once, running_class
from tests.classroom.vendors import CAP, PRICE

PORT = 8000


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser("make class", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT, help="of the Hub (0: a free one; default: %(default)s)")
    parser.add_argument("--no-browser", action="store_true", help="only print the addresses")
    typed = parser.parse_args()
    interrupt_once()
    try:
        print("The class is being set up …", flush=True)
        with running_class(typed.port) as room:
            print(_welcome(room), flush=True)
            if not typed.no_browser and _has_display():
                webbrowser.open(room.teachers_page)
            while True:
                room.check()
                time.sleep(1)
    except NotStarted as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("The class has ended.")
        return 0


def _welcome(room: Room) -> str:
    passwords = room.plan.passwords
    students = "\n".join(f"    {name:8} password {passwords[name]}" for name in STUDENTS)
    return f"""
The teacher's page:  {room.teachers_page}
    {TEACHER:8} password {passwords[TEACHER]}
The students' Hub:   {room.plan.url}   (sign each one in in a private window)
{students}
A clip costs {PRICE:.2f} USD here, and each student has {CAP:.2f} in all: the second one is refused until the teacher
raises the cap. Clips are made by the demo service. Logs are in {room.folder}. Ctrl-C ends everything."""


def _has_display() -> bool:
    """Whether a browser can be opened that is not one for terminals."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
