"""A request whose entry a damage of the journal took: nobody knows what came of it, so it is not paid for again."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.store.probe import FILE_NAME
from luma_jupyter.errors import ConfigError, InvalidRequest, OverBudget
from tests.engine.kernels import Kernels, ask, paid
from tests.support import settings
from tests.support.world import World


def _lose(task_id: str | None) -> None:
    """Have the journal know of all its tasks only that they were there."""
    with closing(sqlite3.connect(settings.current().home_folder / FILE_NAME, isolation_level=None)) as connection:
        facts = "SELECT intent, fingerprint, created_at, ? FROM tasks"
        connection.execute(f"INSERT INTO lost {facts}", (task_id,))
        connection.execute("DELETE FROM tasks")


async def _lost(kernels: Kernels, task_id: bool = True) -> World:
    """A new kernel, after one that was killed while its task ran, and the loss of the task's entry."""
    first = kernels.start()
    handle = ask(first)
    await first.until(handle, Status.RUNNING)
    await kernels.kill(first)
    _lose(handle.task.task_id if task_id else None)
    return kernels.start()


async def test_lost_request_is_not_paid_again(kernels: Kernels) -> None:
    """The same cell is refused, with the way to get the video back; nothing is sent."""
    world = await _lost(kernels)
    with pytest.raises(InvalidRequest, match=r"damaged journal .* nothing was sent\. `%luma adopt \S+` brings it back"):
        ask(world)
    assert paid(world) == 1
    assert world.engine.costs.spent_today()[1] == 1


async def test_lost_request_counts_for_the_budget(kernels: Kernels) -> None:
    """What was spent and lost today leaves no room for more than it left before the damage."""
    settings.configure(budget=0.6, acedata_price=0.5)
    world = await _lost(kernels)
    with pytest.raises(
        OverBudget,
        match=r"\$0\.00 so far today, .* Another \$0\.50 may .* journal has lost: 1\.",
    ):
        ask(world, "A blue fox")
    settings.configure(budget=1.0)
    await world.end(ask(world, "A blue fox"))
    assert paid(world) == 2


async def test_lost_request_without_a_task_id_names_the_console(kernels: Kernels) -> None:
    """Where not even the task's id is known, the service's console is where to look."""
    world = await _lost(kernels, task_id=False)
    with pytest.raises(InvalidRequest, match="Look at your tasks in the service's console"):
        ask(world)
    assert paid(world) == 1


async def test_lost_request_is_made_anew_on_the_users_word(kernels: Kernels) -> None:
    """``again`` makes a new one, which answers the cell from then on; another request was never in doubt."""
    world = await _lost(kernels)
    ask(world, "A blue fox")
    handle = ask(world, again=True)
    assert ask(world) is handle
    await world.end(handle)
    assert paid(world) == 3


async def test_damage_met_by_a_request_leaves_nothing_of_it(kernels: Kernels) -> None:
    """A request that meets the damage is neither sent nor entered; it says what to do; no kernel waits for it."""
    one, two = kernels.start(), kernels.start()
    ask(one, "A blue fox").stop()
    one.engine.journal.close()
    path = settings.current().home_folder / FILE_NAME
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tasks_by_fingerprint'")
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes(4096))
    with pytest.raises(ConfigError, match=r"The journal was damaged .*: run this again"):
        ask(one)
    handle = ask(two)
    assert (await two.end(handle)).status is Status.COMPLETED
    assert paid(one) == 1


async def test_lost_request_is_simulated_without_a_word(kernels: Kernels, demo: None) -> None:
    """Where the demo service would make it, there is nothing to pay."""
    world = await _lost(kernels)
    handle = ask(world, provider="demo")
    assert handle.task.provider == "demo"
    handle.stop()
    await world.end(handle)
