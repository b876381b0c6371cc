"""A film's run, as its events tell it: made once its parts are there, here and for nothing; and how it can end."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.pieces import FilmFile, Piece
from luma_jupyter.domain.requests import FilmRequest
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.films import save_copies
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.loop_thread import LoopThread
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.recovery import resumed
from luma_jupyter.engine.run import film_run
from luma_jupyter.engine.run.runner import CONCURRENT_FILMS
from luma_jupyter.engine.store.journal import Entry
from luma_jupyter.errors import ClipCancelled, ClipFailed, ConfigError, InvalidRequest
from luma_jupyter.films.plan import FilmPlan
from luma_jupyter.films.spec import Report
from tests.engine.kernels import Kernels
from tests.support import settings
from tests.support.film_maker import FakeMaker
from tests.support.films import film
from tests.support.waiting import until
from tests.support.world import EPOCH, World, submit


@pytest.fixture
def maker() -> FakeMaker:
    return FakeMaker()


@pytest.fixture
def world(world: World, maker: FakeMaker) -> World:
    world.engine.film_maker = maker.maker
    return world


def part_of(handle: Handle, **fields: Any) -> Piece:
    return Piece(source=handle.task.intent, label="storm", **fields)


def ask(world: World, handles: Sequence[Handle], *more: Piece, out: Path | None = None, **fields: Any) -> Handle:
    """Run the cell that makes a film of these clips, and of more."""
    request = FilmRequest(parts=(*(part_of(handle) for handle in handles), *more), **fields)
    parts = {handle.task.intent: handle for handle in handles}
    return world.submit(request, parts=parts, out=out, again=False)


def hidden(folder: Path) -> list[str]:
    """What is left there that nobody should see."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def given(data: bytes = b"picture") -> Piece:
    """A picture that was given as an object."""
    return Piece(source=FilmFile(hashlib.sha256(data).hexdigest(), "frame", data=data), seconds=3)


async def test_film_is_made_once_its_parts_are_there(world: World, maker: FakeMaker, media: Path) -> None:
    """A film waits for its clips as any step does; it is then made here, and is saved as all clips are."""
    first, second = world.generate("harbour"), world.generate("storm")
    handle = ask(world, [first, second], fade=0.5)
    assert (handle.task.status, handle.task.provider, handle.task.price) == (Status.QUEUED, "local", 0.0)
    task = await world.end(handle)
    assert world.story(handle) == "queued running saving completed"
    assert [part.path for part in maker.made[0].parts] == [first.task.path, second.task.path]
    assert task.path == media / task.filename
    assert task.filename == f"film-of-storm-{task.key}.mp4"
    assert task.video
    assert (task.video.url, task.video.width, task.video.height) == (None, 64, 36)
    assert (task.file_size, task.making, task.problem) == (len(film()), "video encoded again for the fades", None)
    assert task.submitted_at == task.ended_at == second.task.ended_at
    assert hidden(media) == []


async def test_film_costs_nothing_and_asks_no_service(world: World) -> None:
    """A film of what is there sends nothing, and passes a budget that is spent; a part that it needs is no call."""
    clip = world.generate()
    await world.end(clip)
    asked = len(world.service.all_seen)
    settings.configure(budget=0.0)
    task = await world.end(ask(world, [clip]))
    assert (task.status, task.real, task.charge(None)) == (Status.COMPLETED, False, 0.0)
    assert len(world.service.all_seen) == asked
    assert world.engine.costs.spent_today() == (0.0, 1)  # the clip, whose price nobody knows


async def test_film_of_a_clip_that_fails_fails_by_its_name(world: World, maker: FakeMaker) -> None:
    """A part that ends without a video fails the film, which says which one, and nothing is made."""
    handle = ask(world, [world.generate("harbour"), world.generate_to("failed")])
    task = await world.end(handle)
    assert world.story(handle) == "queued failed"
    assert isinstance(task.error, ClipFailed)
    assert str(task.error) == "Nothing was made: its part storm ended as failed; run that one again first."
    assert maker.made == []


async def test_film_that_cannot_be_made_fails_in_the_maker_s_words(world: World, maker: FakeMaker, media: Path) -> None:
    """What the maker finds while it makes a film is what the film says; nothing is left of it."""
    clip = world.generate()
    await world.end(clip)
    maker.trouble = InvalidRequest("storm is damaged at 2.0 s: download or save it again.")
    handle = ask(world, [clip])
    task = await world.end(handle)
    assert world.story(handle) == "queued running failed"
    assert str(task.error) == "storm is damaged at 2.0 s: download or save it again."
    assert (list(media.glob("film-*")), hidden(media)) == ([], [])


async def test_film_that_finds_no_room_says_so(world: World, maker: FakeMaker, media: Path) -> None:
    """A full disk is one line, and nothing is left of the film."""
    clip = world.generate()
    await world.end(clip)
    maker.trouble = OSError(errno.ENOSPC, "No space left on device")
    task = await world.end(ask(world, [clip], given()))
    assert str(task.error) == f"The film could not be saved in {str(media)!r} (No space left on device)."
    assert hidden(media) == []


async def test_film_that_cannot_be_made_is_refused_at_once(world: World, maker: FakeMaker) -> None:
    """What can be seen at once of the user's files is told before there is a film."""
    clip = world.generate()
    await world.end(clip)
    maker.refusal = InvalidRequest("waves has no picture: it cannot be a part of a film.")
    with pytest.raises(InvalidRequest, match="waves has no picture"):
        ask(world, [clip], given())
    assert len(world.engine.repository.history()) == 1


async def test_film_checks_the_files_that_are_there_while_clips_are_made(world: World, maker: FakeMaker) -> None:
    """Of a film that waits for a clip, the user's own files are looked at when it is asked for."""
    maker.refusal = InvalidRequest("frame is no video or picture")
    with pytest.raises(InvalidRequest, match="frame is no video"):
        ask(world, [world.generate()], given())
    assert [len(spec.parts) for spec in maker.planned] == [1]


async def test_film_of_a_clip_whose_file_is_gone_says_so(world: World) -> None:
    """A film needs the files of its clips: of one that is gone it says how it comes back."""
    clip = world.generate()
    path = (await world.end(clip)).path
    assert path
    path.unlink()
    with pytest.raises(InvalidRequest, match=r"The file of storm is not here: `%luma retry storm` fetches it again\."):
        ask(world, [clip])


async def test_picture_that_was_given_is_in_the_film(world: World, maker: FakeMaker, media: Path) -> None:
    """What was given as an object is written down for the maker, and taken away again."""
    seen: list[bytes] = []
    maker.meanwhile = lambda: seen.append(maker.made[0].parts[0].path.read_bytes())
    task = await world.end(ask(world, [], given(b"a picture")))
    assert (task.status, seen) == (Status.COMPLETED, [b"a picture"])
    assert hidden(media) == []


async def test_file_that_changed_while_the_film_waited_is_told(world: World, tmp_path: Path) -> None:
    """A file of the user's is the one that was named, or the film is not made."""
    path = tmp_path / "waves.mp4"
    path.write_bytes(film())
    handle = ask(world, [world.generate()], Piece(source=FilmFile.at(path), label="waves"))
    path.write_bytes(film(content=1))
    task = await world.end(handle)
    assert str(task.error) == "waves.mp4 has changed since then: run the cell again."


async def test_equal_film_is_made_once(world: World, maker: FakeMaker) -> None:
    """A film that was made answers each equal wish, whatever provider is set and whatever its clips are called."""
    clip = world.generate()
    await world.end(clip)
    task = await world.end(ask(world, [clip], fade=1))
    for provider in ("demo", "acedata"):
        settings.configure(provider=provider)
        renamed = Piece(source=clip.task.intent, label="tempest")
        again = submit(world.engine, FilmRequest(parts=(renamed,), fade=1), parts={clip.task.intent: clip})
        assert (again.task.intent, again.reused) == (task.intent, True)
    assert len(maker.made) == len(maker.planned) == 1


async def test_film_under_way_is_joined(world: World, maker: FakeMaker) -> None:
    """Who asks for a film that is being made, or waits, has that one."""
    clip = world.generate()
    first, second = ask(world, [clip]), ask(world, [clip])
    assert first is second
    await world.end(first)
    assert len(maker.made) == 1


async def test_film_is_made_again_where_its_file_is_gone(world: World, maker: FakeMaker) -> None:
    """A film whose file was taken away is made anew by its cell, and cannot be fetched."""
    clip = world.generate()
    await world.end(clip)
    task = await world.end(ask(world, [clip]))
    assert task.path
    task.path.unlink()
    with pytest.raises(InvalidRequest, match=r"The file of the film is gone: run its cell again"):
        world.engine.resume(task.intent)
    again = await world.end(ask(world, [clip]))
    assert (again.status, len(maker.made)) == (Status.COMPLETED, 2)
    assert again.intent != task.intent


async def test_film_of_the_same_clip_made_again_is_another(world: World, maker: FakeMaker) -> None:
    """A clip that was made anew is another part, so its film is made anew, too."""
    for _ in range(2):
        clip = world.generate()
        await world.end(clip)
        await world.end(ask(world, [clip]))
    assert len(maker.made) == 2


async def test_film_is_a_part_of_another(world: World, maker: FakeMaker) -> None:
    """A film is a clip: another film has it as a part, and waits for it."""
    inner = ask(world, [world.generate()])
    task = await world.end(ask(world, [inner], fade=1))
    assert task.status is Status.COMPLETED
    assert maker.made[1].parts[0].path == inner.task.path


async def test_film_is_saved_as_another_file_too(world: World, tmp_path: Path) -> None:
    """A film that is to be saved elsewhere, too, is there before it is completed; one that was made, at once."""
    clip = world.generate()
    handle = ask(world, [clip], out=tmp_path / "one.mp4")
    there: list[bool] = []
    handle.listen(lambda event: there.append((tmp_path / "one.mp4").exists()))
    await world.end(handle)
    assert there[-1]
    ask(world, [clip], out=tmp_path / "two.mp4")
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes() == film()


async def test_film_that_cannot_be_saved_elsewhere_is_completed(world: World, tmp_path: Path) -> None:
    """A film is made although its copy cannot be: it says so; one that was made before refuses at once."""
    clip = world.generate()
    handle = ask(world, [clip], out=tmp_path / "gone" / "one.mp4")
    task = await world.end(handle)
    assert task.status is Status.COMPLETED
    assert task.problem
    assert task.problem.startswith(f"The film could not be saved as {str(tmp_path / 'gone' / 'one.mp4')!r} (No such")
    with pytest.raises(InvalidRequest, match="could not be saved as"):
        ask(world, [clip], out=tmp_path / "gone" / "one.mp4")


async def test_film_that_cannot_be_saved_as_one_file_is_saved_as_the_others(world: World, tmp_path: Path) -> None:
    """Of several files that a film is asked for as, one that cannot be written is told, and keeps back no other."""
    clip = world.generate()
    for out in (tmp_path / "gone" / "one.mp4", tmp_path / "gone" / "three.mp4", tmp_path / "two.mp4"):
        handle = ask(world, [clip], out=out)
    problem = (await world.end(handle)).problem
    assert problem
    assert ("one.mp4" in problem, "two.mp4" in problem, "three.mp4" in problem) == (True, False, True)
    assert (tmp_path / "two.mp4").read_bytes() == film()


async def test_few_films_are_made_at_once(world: World, maker: FakeMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Films take the processor for themselves: the others wait for their turn, queued."""

    async def in_a_while(call: Callable[[], Any]) -> Any:
        await asyncio.sleep(1)
        return call()

    monkeypatch.setattr(film_run, "in_thread", in_a_while)
    clip = world.generate()
    await world.end(clip)
    handles = [ask(world, [clip], fade=fade) for fade in range(5)]
    seen: list[list[Status]] = []
    maker.meanwhile = lambda: seen.append([handle.task.status for handle in handles])
    for handle in handles:
        await world.end(handle)
    assert len(seen) == 5
    assert max(statuses.count(Status.RUNNING) for statuses in seen) == CONCURRENT_FILMS
    assert seen[0][CONCURRENT_FILMS:] == [Status.QUEUED] * 3


async def test_stopped_film_that_waits_is_not_made(world: World, maker: FakeMaker, media: Path) -> None:
    """A film that is stopped while it waits for its clips is cancelled; the clips go on."""
    clip = world.generate()
    handle = ask(world, [clip])
    await world.until(clip, Status.RUNNING)
    handle.stop()
    task = await world.end(handle)
    assert world.story(handle) == "queued cancelled"
    assert isinstance(task.error, ClipCancelled)
    assert str(task.error) == "It was stopped. The film was not made: nothing is left of it."
    assert (await world.end(clip)).status is Status.COMPLETED
    assert maker.made == []


async def test_film_that_is_stopped_at_once_is_not_made(world: World, maker: FakeMaker) -> None:
    """A film that waits for nothing can be stopped before its first step: it is cancelled as any other."""
    handle = ask(world, [], given())
    handle.stop()
    task = await world.end(handle)
    assert (task.status, str(task.error)) == (
        *(Status.CANCELLED, "It was stopped. The film was not made: nothing is left of it."),
    )
    assert maker.made == []


@pytest.mark.parametrize(("later", "written"), [(False, Status.CANCELLED), (True, Status.QUEUED)])
async def test_film_that_is_stopped_as_it_gets_its_turn_is_not_made(
    world: World, maker: FakeMaker, later: bool, written: Status
) -> None:
    """Its turn comes in the moment of the stop: it is cancelled; where nobody hears that, the next kernel says so."""
    runner = world.engine._runner
    async with AsyncExitStack() as others:
        for _ in range(CONCURRENT_FILMS):
            await others.enter_async_context(runner._films.slot())
        handle = ask(world, [], given())
        await asyncio.sleep(1)
        asyncio.get_running_loop().call_soon(lambda: runner.stop_all("The kernel ended.", tell_later=later))
    task = await world.end(handle)
    assert (task.status, str(task.error)) == (
        *(Status.CANCELLED, "The kernel ended. The film was not made: nothing is left of it."),
    )
    assert maker.made == []
    entry = world.engine.journal.find(task.intent)
    assert entry
    assert entry.task.status is written


async def test_unforeseen_error_fails_the_film(world: World, maker: FakeMaker) -> None:
    """Whatever the maker raises, the film ends."""
    clip = world.generate()
    await world.end(clip)
    maker.trouble = ZeroDivisionError("x")
    task = await world.end(ask(world, [clip]))
    assert str(task.error) == "Internal error, please report it: ZeroDivisionError('x')."


async def test_film_needs_the_packages_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyAV a film is refused at once; one that was made is there all the same."""
    clip = world.generate()
    await world.end(clip)
    made = await world.end(ask(world, [clip]))
    monkeypatch.setattr("luma_jupyter.video.frames.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="This needs a package that is not installed"):
        ask(world, [clip], fade=1)
    assert ask(world, [clip]).task.intent == made.intent


# What is in real threads.


@pytest.fixture
def engine(loop_thread: LoopThread, providers: ProviderPool, maker: FakeMaker) -> Engine:
    engine = Engine(settings.current, loop_thread, providers)
    engine.film_maker = maker.maker
    return engine


def is_stopped(engine: Engine) -> bool:
    """Whether a run of the engine has been told to stop."""
    return any(run._stopped for run in list(engine._runner._runs))


def test_film_tells_how_far_it_is(engine: Engine, maker: FakeMaker) -> None:
    """Its progress is told in steps of a percent, while it is made and not after."""
    listening = threading.Event()
    told: list[float | None] = []
    maker.meanwhile = lambda: listening.wait(10)
    handle = submit(engine, FilmRequest(parts=(given(),)))
    handle.listen(lambda event: told.append(event.task.progress))
    listening.set()
    task = handle.done.result(timeout=10)
    assert told[-5:] == [0.5, 0.75, 1.0, None, None]
    assert task.progress is None


def test_stopped_film_leaves_nothing(engine: Engine, maker: FakeMaker, media: Path) -> None:
    """A film that is stopped while it is made is cancelled at once, and nothing is left of it."""
    request = FilmRequest(parts=(given(),))
    submitted, stopped = threading.Event(), False

    def stop() -> None:
        nonlocal stopped
        assert submitted.wait(10)
        handle.stop()
        until(lambda: is_stopped(engine))
        stopped = True

    maker.meanwhile = stop
    handle = submit(engine, request)
    submitted.set()
    task = handle.done.result(timeout=10)
    assert stopped
    assert (task.status, str(task.error)) == (
        *(Status.CANCELLED, "It was stopped. The film was not made: nothing is left of it."),
    )
    assert list(media.iterdir()) == []


def test_film_asked_for_as_another_file_while_it_is_saved_is_there_at_its_end(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for a film as another file while it is copied finds that one, too, when the film is done."""
    request = FilmRequest(parts=(given(),))
    outs = [tmp_path / "three.mp4", tmp_path / "two.mp4"]
    joined: list[Handle] = []

    def save(made: Path, copies: Iterable[Path]) -> None:
        save_copies(made, copies)
        if outs:
            joined.append(submit(engine, request, out=outs.pop()))

    monkeypatch.setattr(film_run, "save_copies", save)
    handle = submit(engine, request, out=tmp_path / "one.mp4")
    assert handle.done.result(timeout=10).problem is None
    assert joined == [handle, handle]
    assert [(tmp_path / name).read_bytes() for name in ("one.mp4", "two.mp4", "three.mp4")] == [film()] * 3


def test_film_asked_for_as_another_file_at_its_very_end_is_there_at_once(
    engine: Engine, maker: FakeMaker, tmp_path: Path
) -> None:
    """When the last copy is made and the film not done yet, who asks saves it, and is told where that cannot be."""
    request = FilmRequest(parts=(given(),))
    seen: list[object] = []
    ready = threading.Event()

    def ask_at_the_end(task: Task) -> None:
        if task.status is Status.COMPLETED:
            submit(engine, request, out=tmp_path / "two.mp4")
            seen.append((tmp_path / "two.mp4").read_bytes())
            with pytest.raises(InvalidRequest, match="could not be saved as"):
                submit(engine, request, out=tmp_path / "gone" / "three.mp4")
            seen.append(handle.task.status)
        write(task)

    maker.meanwhile = lambda: ready.wait(10)
    handle = submit(engine, request)
    write, handle.save = handle.save, ask_at_the_end
    ready.set()
    assert handle.done.result(timeout=10).problem is None
    assert seen == [film(), Status.SAVING]


@pytest.mark.parametrize("made_before", [False, True])
def test_file_that_two_films_are_asked_for_as_is_the_one_asked_for_last(
    engine: Engine, tmp_path: Path, made_before: bool
) -> None:
    """Whichever is done first: as when a cell is mended and run again, and where the last one was there before."""
    first, last = FilmRequest(parts=(given(),), fade=1), FilmRequest(parts=(given(),))
    out, go_on = tmp_path / "film.mp4", threading.Event()

    def make(plan: FilmPlan, target: Path, report: Report) -> None:
        if plan.spec.fade:
            assert go_on.wait(10)
        target.write_bytes(film(content=800 if plan.spec.fade else 900))

    engine.film_maker = replace(engine.film_maker, make=make)
    if made_before:
        submit(engine, last).done.result(timeout=10)
    late = submit(engine, first, out=out)
    submit(engine, last, out=out).done.result(timeout=10)
    go_on.set()
    assert late.done.result(timeout=10).status is Status.COMPLETED
    assert out.read_bytes() == film(content=900)
    submit(engine, first, out=out)
    assert out.read_bytes() == film(content=800)


@pytest.mark.parametrize(("later", "written"), [(False, Status.CANCELLED), (True, Status.RUNNING)])
def test_film_is_not_made_where_the_program_ends(
    engine: Engine, maker: FakeMaker, media: Path, later: bool, written: Status
) -> None:
    """A program that ends does not wait for a film: it says that it was not made, or leaves that to the next one where
    nobody hears it; nothing is left of the film."""
    ending: list[str] = []
    begun, told = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        told.wait(10)

    maker.meanwhile = wait
    handle = submit(engine, FilmRequest(parts=(given(),)))
    begun.wait(10)
    finisher = threading.Thread(target=lambda: ending.append(str(engine.finish(5.0, tell_later=later))))
    finisher.start()
    until(lambda: is_stopped(engine))
    told.set()
    finisher.join()
    assert ending == ["luma_jupyter: 1 film was not made in time: run this again."]
    assert list(media.iterdir()) == []
    entry = engine.journal.find(handle.task.intent)
    assert entry
    assert entry.task.status is written


# Several kernels.


@pytest.fixture
def two(kernels: Kernels, maker: FakeMaker) -> tuple[World, World]:
    worlds = kernels.start(), kernels.start()
    for one in worlds:
        one.engine.film_maker = maker.maker
    return worlds


async def test_film_of_another_kernel_is_watched(two: tuple[World, World], maker: FakeMaker) -> None:
    """A film that another kernel makes is seen to its end here, and made once."""
    one, other = two
    clip = one.generate(again=False)
    first = ask(one, [clip])
    second = ask(other, [other.generate(again=False)])
    assert second.task.intent == first.task.intent
    assert await other.end(second) == await one.end(first)
    assert len(maker.made) == 1
    assert other.story(second).endswith("completed")


async def test_film_of_another_kernel_is_saved_as_another_file_here(two: tuple[World, World], tmp_path: Path) -> None:
    """A film that another kernel makes is saved as what it was asked for as here, before it is completed here."""
    one, other = two
    first = ask(one, [one.generate(again=False)])
    second = ask(other, [other.generate(again=False)], out=tmp_path / "two.mp4")
    there: list[bool] = []
    second.listen(lambda event: there.append((tmp_path / "two.mp4").exists()))
    await other.end(second)
    assert there[-1]
    await one.end(first)


async def test_film_of_a_killed_kernel_is_made_by_the_one_that_watches(
    two: tuple[World, World], kernels: Kernels, maker: FakeMaker
) -> None:
    """A kernel that watches a film has its parts: when the other one is killed, it makes the film itself."""
    one, other = two
    clip, same = one.generate(again=False), other.generate(again=False)
    first, second = ask(one, [clip]), ask(other, [same])
    await kernels.kill(one)
    task = await other.end(second)
    assert (str(task.error), task.intent) == ("None", first.task.intent)
    assert len(maker.made) == 1


async def test_film_that_is_only_watched_is_not_made_here(
    two: tuple[World, World], kernels: Kernels, maker: FakeMaker
) -> None:
    """Who has only looked at a film does not have its parts: when its kernel is killed, its cell makes it."""
    one, other = two
    first = ask(one, [one.generate(again=False)])
    watched = other.engine.resume(first.task.intent)
    await kernels.kill(one)
    task = await other.end(watched)
    assert (task.status, str(task.error)) == (Status.FAILED, "Nothing was made: run the cell again.")
    assert maker.made == []


async def test_film_of_a_killed_kernel_is_made_anew(
    two: tuple[World, World], kernels: Kernels, maker: FakeMaker, media: Path
) -> None:
    """A kernel was killed while it made a film: the next one says that it was not made, takes away what was left of it,
    and makes it when the cell is run."""
    one, other = two
    clip = one.generate(again=False)
    await one.end(clip)
    maker.trouble = RuntimeError()
    half: list[Path] = []
    first = ask(one, [clip])

    def kill() -> None:
        half.append(media / f".{first.task.filename}.999999.part")
        half[0].write_bytes(b"half")
        first.abandon()

    maker.meanwhile = kill
    await asyncio.sleep(1)
    await kernels.kill(one)
    maker.meanwhile, maker.trouble = lambda: None, None
    found = other.engine.journal.find(first.task.intent)
    assert found
    assert found.task.status is Status.RUNNING
    lost = other.engine.repository.recovered(found).task
    assert str(lost.error) == "The kernel ended before the film was made: run the cell again."
    assert half[0].exists()
    again = await other.end(ask(other, [other.generate(again=False)]))
    assert (again.status, again.intent != first.task.intent) == (Status.COMPLETED, True)
    assert hidden(media) == []
    settled = other.engine.journal.find(first.task.intent)
    assert settled
    assert (settled.task.status, str(settled.task.error)) == (Status.CANCELLED, str(lost.error))


async def test_unmade_film_is_told_once(two: tuple[World, World], kernels: Kernels, media: Path) -> None:
    """What a killed kernel had not made is settled when the next one begins; what was left of it goes away."""
    one, other = two
    first = ask(one, [one.generate(again=False)])
    half = media / f".{first.task.filename}.999999.part"
    half.write_bytes(b"half")
    await kernels.kill(one)
    folder = settings.current().folder
    (settled,) = [task for task in other.engine.repository.settle_ended(folder) if task.provider == "local"]
    assert (settled.intent, settled.status) == (first.task.intent, Status.CANCELLED)
    assert not half.exists()
    assert [task for task in other.engine.repository.settle_ended(folder) if task.provider == "local"] == []


async def test_film_that_another_kernel_takes_over_at_that_moment_is_left_to_it(
    two: tuple[World, World], kernels: Kernels, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that begins settles what has ended; nothing goes away of a film that another takes over meanwhile."""
    one, other = two
    first = ask(one, [one.generate(again=False)])
    await kernels.kill(one)
    journal, taker = other.engine.journal, kernels.start().engine.journal
    half, read = media / f".{first.task.filename}.999999.part", journal.unfinished

    def read_and_be_late(wanted: Callable[[Path], bool]) -> list[Entry]:
        entries = read(wanted)
        (entry,) = (entry for entry in entries if entry.task.provider == "local")
        assert taker.acquire(entry, resumed(entry.task))
        half.write_bytes(b"half")
        return entries

    monkeypatch.setattr(journal, "unfinished", read_and_be_late)
    settled = other.engine.repository.settle_ended(settings.current().folder)
    assert [task for task in settled if task.provider == "local"] == []
    assert half.read_bytes() == b"half"


async def test_film_is_found_by_its_sidecar_alone(world: World, maker: FakeMaker, media: Path) -> None:
    """Without the journal, as when the folder was handed on, a film is found by what it was made from."""
    clip = world.generate(again=False)
    await world.end(clip)
    task = await world.end(ask(world, [clip], fade=1))
    written = json.loads((media / task.filename).with_suffix(".json").read_text())
    assert {"action": "film", "provider": "local", "making": task.making}.items() <= written.items()
    settings.configure(home=media.parent / "another home")
    world.engine.handles.clear()
    same = world.generate(again=False)
    again = ask(world, [same], fade=1)
    assert (again.task.intent, again.task.path, again.task.status) == (task.intent, task.path, Status.COMPLETED)
    assert (len(maker.made), again.task.created_at) == (1, EPOCH + 18)
