"""Who follows a task, and whether that kernel still lives: on this machine the system knows, elsewhere a heartbeat."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from luma_jupyter.engine.store.leases import HEARTBEAT_INTERVAL, LEASE_TIMEOUT, current_owner, is_alive
from tests.support.waiting import until

NOW = 1_700_000_000.0
FRESH = NOW - LEASE_TIMEOUT + 1
STALE = NOW - LEASE_TIMEOUT - 1

OWN = "import os; from luma_jupyter.engine.store.leases import current_owner; print(current_owner(), flush=True); "


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """Another kernel, which says who it is and then waits for a line."""
    with subprocess.Popen(
        [sys.executable, "-c", OWN + "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def _owner(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def _changed(machine: str | None = None, process: object = None, started: object = None) -> str:
    """This process as an owner, but for what is given."""
    parts = current_owner().rsplit("|", 2)
    return "|".join(
        str(old if new is None else new) for old, new in zip(parts, (machine, process, started), strict=True)
    )


@pytest.mark.parametrize("beat", [None, STALE, FRESH])
def test_own_process_is_alive(beat: float | None) -> None:
    """The running process lives, whenever its last beat was."""
    assert is_alive(current_owner(), beat, NOW)


def test_current_owner_is_stable() -> None:
    """A process is always the same owner, and has its number in it."""
    assert current_owner() == current_owner()
    assert current_owner().split("|")[-2] == str(os.getpid())


def test_other_process_is_alive_until_it_ends(process: subprocess.Popen[str]) -> None:
    """A kernel of this machine lives without a beat, and is gone when its process is, however fresh its last beat."""
    owner = _owner(process)
    assert owner != current_owner()
    assert is_alive(owner, None, NOW)
    process.communicate("")
    assert not is_alive(owner, NOW, NOW)


def test_zombie_is_not_alive(process: subprocess.Popen[str]) -> None:
    """A process that has ended and that nobody has asked for its end (as servers in containers forget to) is gone."""
    owner = _owner(process)
    process.kill()
    until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert not is_alive(owner, NOW, NOW)


@pytest.mark.parametrize(("beat", "alive"), [(None, False), (STALE, False), (FRESH, True)])
def test_process_number_used_again_is_another_owner(beat: float | None, alive: bool) -> None:
    """A process with the owner's number that started at another time is another one, but for what a beat says."""
    started = float(current_owner().rsplit("|", 1)[1])
    assert is_alive(_changed(started=started + 100), beat, NOW) is alive
    assert is_alive(_changed(started=started + 2), beat, NOW), "a corrected clock"


@pytest.mark.parametrize(
    ("beat", "alive"),
    [
        (None, False),
        (0.0, False),
        (STALE, False),
        (FRESH, True),
        (NOW, True),
        (NOW + LEASE_TIMEOUT - 1, True),
        (NOW + LEASE_TIMEOUT + 1, False),
    ],
)
def test_owner_on_another_machine_is_alive_as_long_as_it_beats(beat: float | None, alive: bool) -> None:
    """An owner elsewhere lives as long as it beats, whatever process has its number here; clocks may differ some."""
    assert is_alive(_changed(machine="elsewhere"), beat, NOW) is alive
    assert is_alive(_changed(machine="else|where"), beat, NOW) is alive


def test_lease_outlasts_several_heartbeats() -> None:
    """A kernel that misses a beat or two, as under load, is not taken for dead."""
    assert LEASE_TIMEOUT >= 3 * HEARTBEAT_INTERVAL


MALFORMED: dict[str, Callable[[], str | None]] = {
    "none": lambda: None,
    "empty": lambda: "",
    "one part": lambda: "elsewhere",
    "two parts": lambda: "elsewhere|1",
    "no numbers": lambda: "elsewhere|one|two",
    "no numbers here": lambda: _changed(process="one"),
    "no start": lambda: _changed(started=None) + "None",
    "bars": lambda: "||||",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_owner_is_not_alive(kind: str) -> None:
    """What cannot be read as an owner follows nothing, so that its tasks can be taken over."""
    assert is_alive(MALFORMED[kind](), NOW, NOW) is False


@pytest.mark.parametrize("number", [-4, 2**31 - 2, 2**80])
def test_impossible_process_number_is_not_alive(number: int) -> None:
    """A process number that no process here can have is gone."""
    assert is_alive(_changed(process=number), NOW, NOW) is False


@pytest.mark.parametrize(("beat", "alive"), [(None, False), (STALE, False), (FRESH, True)])
def test_hidden_process_is_alive_while_it_beats(
    monkeypatch: pytest.MonkeyPatch, beat: float | None, alive: bool
) -> None:
    """Of a process that the system shows nothing of, such as another user's, the beat tells."""
    owner = current_owner()

    def refuse(self: psutil.Process) -> str:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "status", refuse)
    assert is_alive(owner, beat, NOW) is alive
