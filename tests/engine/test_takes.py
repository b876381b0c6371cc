"""Takes on their way to the service: each says which it is, and one that is made again says so, too."""

from dataclasses import replace

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.engine.task_spec import TaskSpec
from tests.support.world import World

FOX = GenerateRequest(prompt="A red fox in the snow")


def named(world: World) -> list[str | None]:
    """How the submissions that the service saw name their takes."""
    return [seen.request.headers.get("x-luma-take") for seen in world.service.seen("submit")]


async def test_each_take_is_named_and_counted_by_what_was_made_before(world: World) -> None:
    """The first take has no name, the second is 2, and what is made again counts on, take by take."""
    second = replace(FOX, take=2)
    for request, again in [(FOX, False), (second, False), (FOX, True), (FOX, True), (second, True)]:
        await world.end(world.submit(request, again=again))
    assert named(world) == [None, "2", "1.1", "1.2", "2.1"]
    assert [task.again for task in world.engine.repository.history()] == [0, 0, 1, 2, 1]


async def test_equal_requests_made_again_together_are_counted_one_by_one(world: World) -> None:
    """Two that are made again in one call differ, too."""
    plans = world.engine.plan_all([TaskSpec(request=FOX, again=True)] * 2)
    for handle in world.engine.submit_all(plans):
        await world.end(handle)
    assert sorted(filter(None, named(world))) == ["1.1"]
    assert named(world).count(None) == 1


async def test_take_is_known_to_the_next_kernel(world: World) -> None:
    """How often it was made before is in the journal and beside the file, so a look at either counts on."""
    await world.end(world.submit(FOX, again=False))
    made = await world.end(world.submit(FOX, again=True))
    entry = world.engine.journal.find(made.intent)
    assert entry
    assert (entry.task.again, entry.task.take) == (1, "1.1")
    assert world.engine.plan(TaskSpec(request=replace(FOX, take=3))).preview.headers["X-Luma-Take"] == "3"
