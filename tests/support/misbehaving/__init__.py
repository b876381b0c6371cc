"""Both paid APIs and their media host on a real socket, honest until told otherwise.

::

    with Server() as server:
        server.script("submit", DropAfter())       # the next submission is accepted, and its answer lost
        ...                                        # a client, in any thread or process, talks to server.url
        assert len(server.tasks) == 1              # what was paid for

A fault (see `faults`) takes the place of one honest answer.
"""

from tests.support.misbehaving.faults import *  # noqa: F403
from tests.support.misbehaving.server import MODIFY, Server, Task, video

__all__ = ["MODIFY", "Server", "Task", "video"]  # and the faults
