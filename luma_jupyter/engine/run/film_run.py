"""A film's run: wait for its parts, make it here in a thread, give it its name. Each transition is an event.

::

    queued → running → saving → completed
      │         │
      │         ├→ failed      it cannot be made: nothing is left of it
      │         └→ cancelled   stop(): nothing is left of it
      ├→ failed                a part did not complete: nothing was made
      └→ cancelled             stop(): nothing was made

It costs nothing, and nothing goes on without this kernel: what a kernel had not made when it ended is made again from
the beginning.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from luma_jupyter.domain.requests import FilmRequest
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.films import FilmMaker, captions_of, files_in, film_spec, making_text, save_copies
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.library.film_files import FilmFiles
from luma_jupyter.engine.library.whole_files import size_of
from luma_jupyter.engine.run.base import Run, RunResources
from luma_jupyter.engine.run.options import RunOptions
from luma_jupyter.engine.run.slots import Slots
from luma_jupyter.engine.run.sources import wait_for_sources
from luma_jupyter.errors import ClipCancelled, ClipFailed, InvalidRequest, LumaError
from luma_jupyter.films.plan import FilmPlan
from luma_jupyter.films.spec import Report
from luma_jupyter.languages import N_
from luma_jupyter.operating_system import reason as reason_of
from luma_jupyter.worker_threads import in_thread


class FilmRun(Run):
    """The run of a film. ``slots`` limits how many are made at once, ``maker`` makes them."""

    def __init__(
        self, handle: Handle, options: RunOptions, resources: RunResources, slots: Slots, maker: FilmMaker
    ) -> None:
        super().__init__(handle, resources, options.watching)
        self._parts = options.parts
        self._slots = slots
        self._maker = maker

    async def _go_on(self) -> None:
        request = self._handle.task.request
        assert isinstance(request, FilmRequest)
        if error := await wait_for_sources(self._names(request), film=True):
            await self._handle.emit(status=Status.FAILED, error=error)
            return
        async with self._slots.slot():
            self._check_wanted()
            files = FilmFiles(self._handle.task, self._shared.change)
            try:
                await self._make(request, files)
            finally:
                await in_thread(files.remove)

    def _names(self, request: FilmRequest) -> dict[Handle, str]:
        """The tasks whose videos it takes, as the user named them."""
        names: dict[Handle, str] = {}
        for part in request.parts:
            if part.intent and part.intent not in self._parts:
                raise InvalidRequest("Nothing was made: run the cell again.")
            if part.intent:
                names.setdefault(self._parts[part.intent], part.source_label)
        return names

    async def _make(self, request: FilmRequest, files: FilmFiles) -> None:
        """Make it and give it its name, and save it as what it was asked for as, too."""
        handle = self._handle
        plan = await in_thread(partial(self._plan, request, files))
        await handle.emit(
            status=Status.RUNNING, submitted_at=handle.clock(), making=making_text(plan), progress=0.0, problem=None
        )
        try:
            await in_thread(partial(self._maker.make, plan, files.hidden, self._report()))
            self._check_wanted()
            width, height = plan.size
            await handle.emit(status=Status.SAVING, video=Video(None, width=width, height=height), progress=None)
            await self._save(plan, files)
        except OSError as error:
            folder = str(handle.task.media)
            raise InvalidRequest(f"The film could not be saved in {folder!r} ({reason_of(error)}).") from None

    def _plan(self, request: FilmRequest, files: FilmFiles) -> FilmPlan:
        clips = {intent: handle.task for intent, handle in self._parts.items()}
        return self._maker.plan(film_spec(request, clips, files.write(files_in(request))))

    def _report(self) -> Report:
        """What the thread that makes it tells how far it is."""
        loop, shown = asyncio.get_running_loop(), 0

        def report(share: float) -> None:
            nonlocal shown
            self._check_wanted()
            if int(100 * share) > shown:
                shown = int(100 * share)
                loop.call_soon_threadsafe(self._tell, shown / 100)

        return report

    def _tell(self, progress: float) -> None:
        if self._handle.task.status is Status.RUNNING:
            self._handle.mention(progress=progress)

    def _check_wanted(self) -> None:
        """End what goes on, also in the thread that makes it, where nobody wants it any more."""
        if self._stopped:
            raise asyncio.CancelledError

    async def _save(self, plan: FilmPlan, files: FilmFiles) -> None:
        handle = self._handle
        name = handle.task.name or await in_thread(lambda: self._shared.name_of(handle.task))
        task = handle.task.evolve(name=name, ended_at=handle.clock())
        path = await in_thread(lambda: files.place(task, self._maker.poster(files.hidden), captions_of(plan)))
        size = await in_thread(lambda: size_of(path))
        task = task.evolve(path=path, filename=path.name)
        await in_thread(lambda: self._shared.on_saved(task))
        problem = await in_thread(lambda: self._save_copies(path))
        saved_as = {"name": name, "path": path, "filename": path.name, "file_size": size, "ended_at": task.ended_at}
        await handle.emit(status=Status.COMPLETED, problem=problem, **saved_as)

    def _save_copies(self, film: Path) -> str | None:
        """Save it as other files, too, also those that are asked for meanwhile; why that could not be."""
        problems = []
        while copy := self._handle.take_copy(film):
            try:
                save_copies(film, [copy])
            except InvalidRequest as error:
                problems.append(str(error))
        return " ".join(problems) or None

    async def _before_end(self, task: Task) -> Task:
        film = task.path
        return task.evolve(problem=await in_thread(lambda: self._save_copies(film)) or task.problem) if film else task

    async def _end_stopped(self) -> None:
        handle = self._handle
        if self._tell_later:
            handle.save = lambda task: None
        error = f"{self._stopped_by} {N_('The film was not made: nothing is left of it.')}"
        await handle.emit(status=Status.CANCELLED, error=ClipCancelled(error))

    async def _end_early(self, why: str, reason: LumaError | None) -> None:
        await self._handle.emit(status=Status.FAILED, problem=None, error=ClipFailed(why, reason))
