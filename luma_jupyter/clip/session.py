"""All that a kernel has one of: the engine, its clips by intent, and what it knows of the user's variables."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from luma_jupyter.clip.clip import Clip, Presenter, Source
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.found_keys import FoundKeys
from luma_jupyter.clip.lazy_clip_list import LazyClipList
from luma_jupyter.clip.lineage import lineage_nodes
from luma_jupyter.clip.names import find_name, find_word
from luma_jupyter.clip.notices import ended_text, unfinished_text
from luma_jupyter.clip.notifier import Notifier
from luma_jupyter.clip.prompt_notices import PromptNotices
from luma_jupyter.domain.identifiers import KEY_PREFIX, is_key, is_reserved_name, is_variable_name, normalize_name
from luma_jupyter.domain.note import Note
from luma_jupyter.domain.requests import FilmRequest, addresses_in
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.urls import is_cut
from luma_jupyter.domain.values import read_path
from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.handle import Handle
from luma_jupyter.engine.past import Past
from luma_jupyter.engine.plan import Plan
from luma_jupyter.engine.provider_pool import is_simulated, service_for
from luma_jupyter.engine.store.probe import may_be_unfinished
from luma_jupyter.engine.store.serialization import load
from luma_jupyter.engine.store.wanted import EVERYTHING, Wanted
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import ClipError, InvalidRequest, LumaError, shown
from luma_jupyter.interrupts import deferred_interrupt
from luma_jupyter.languages import translated
from luma_jupyter.operating_system import at_fork
from luma_jupyter.printable import say
from luma_jupyter.settings import KEY_SETTINGS, SERVICE_KEYS, Configuration
from luma_jupyter.views.exchanges import Explanation, what_there_is
from luma_jupyter.views.lineage_svg import Lineage
from luma_jupyter.views.places import path_from

LAST_CLIP = "_luma"
RECENT_CLIPS = 100  # that stay at hand though nobody holds them, as for `%luma status`
ClipListener = Callable[[Clip], None]

log = logging.getLogger(__name__)


class Session:
    """The `Owner` of a kernel's clips.

    ``settings`` gives those of the moment, ``variables`` the user's; ``restore`` is the public function that pickled
    clips name.
    """

    def __init__(
        self,
        configuration: Configuration,
        engine: Engine,
        presenter: Presenter,
        variables: Callable[[], MutableMapping[str, Any]],
        restore: Callable[[Mapping[str, Any]], Clip],
    ) -> None:
        self.settings = configuration.current
        self._folder = configuration.remember_folder
        self.engine = engine
        self.presenter = presenter
        self.variables = variables
        self.found_keys = FoundKeys(configuration, engine, presenter)
        self.notifier = Notifier(configuration.current, engine.loop_thread)
        self.prompt_notices = PromptNotices(engine)
        self._restore = restore
        self._clips: WeakValueDictionary[str, Clip] = WeakValueDictionary()  # by intent
        self._under_way: dict[str, Clip] = {}  # those of them that have not ended, though nobody may hold them
        self._recent: deque[Clip] = deque(maxlen=RECENT_CLIPS)  # the last ones, though nobody may hold them
        self._listeners: list[ClipListener] = []
        self._note_listeners: list[ClipListener] = []
        self._looks: dict[str, Clip] = {}  # by intent: those looked for unasked, until the user wants them
        engine.on_start = self.clip_for_handle
        engine.repository.name_of = self._name_of
        engine.repository.media.tell = lambda line: say(f"luma_jupyter: {translated(line)}")
        self._reset_lock()
        at_fork(child=self._reset_lock)

    def _reset_lock(self) -> None:
        """Start anew, as in a forked child."""
        self._lock = threading.Lock()

    @property
    def restore(self) -> Callable[[Mapping[str, Any]], Clip]:
        """The public function that makes a clip from its record."""
        return self._restore

    # Making clips.

    def create(self, spec: TaskSpec) -> Clip:
        """Make a video, or find what an equal request came to; returns the clip at once.

        Raises InvalidRequest, ConfigError or OverBudget; then nothing was sent.
        """
        plan = self.plan(spec)
        self.prompt_notices.tell_of_braces([spec.request.prompt])
        return self.submit(plan)

    def plan(self, spec: TaskSpec) -> Plan:
        """As `Engine.plan`, once the keys were looked for that say where a request goes."""
        return self.plan_all([spec])[0]

    def plan_all(self, specs: Sequence[TaskSpec]) -> list[Plan]:
        """As `plan`, of several specs."""
        now = self.settings()
        sent = [spec for spec in specs if not isinstance(spec.request, FilmRequest)]
        real = [spec for spec in sent if not is_simulated(spec.provider, spec.source_provider, now)]
        for service in dict.fromkeys(service_for(spec.request.action) for spec in real):
            self.found_keys.look_for(service)
            if getattr(self.settings(), KEY_SETTINGS[service]) is None:
                self.found_keys.look_for(*SERVICE_KEYS)  # with any key at all, nothing is simulated
        return self.engine.plan_all(specs)

    def submit(self, plan: Plan, name: str | None = None, *, yes: bool = False) -> Clip:
        """As `create`, of a spec that was planned before; ``name`` comes before the spec's. ``yes``: nobody is asked.

        Raises NotConfirmed, too.
        """
        if name:
            plan = replace(plan, spec=replace(plan.spec, name=name))
        (clip,) = self._submit([plan], yes=yes)
        self.notifier.expect(clip)
        return clip

    def submit_all(self, plans: Sequence[Plan], *, yes: bool = False) -> ClipList:
        """As `submit`, of several plans: all that are new are sent, or none. Raises as `Engine.submit` does."""
        clips = ClipList(self._submit(plans, yes=yes))
        self.notifier.expect(clips)
        return clips

    def _submit(self, plans: Sequence[Plan], *, yes: bool) -> list[Clip]:
        self.prompt_notices.tell_of_scripts(plans)
        self.found_keys.confirm(plans, yes=yes)
        try:
            handles = self.engine.submit_all(plans)
        finally:
            self.print_notices()
        clips = [self.clip_for_handle(handle, plan.spec.name) for handle, plan in zip(handles, plans, strict=True)]
        for handle in handles:
            self._looks.pop(handle.task.intent, None)
        self.variables()[LAST_CLIP] = clips[-1]
        return clips

    def adopt(self, task_id: str, provider: Provider | None = None) -> Clip:
        """The clip of a task that was made elsewhere, or lost here. Raises as `Engine.adopt` does."""
        self.found_keys.look_for(*([provider] if provider else SERVICE_KEYS))
        try:
            clip = self.clip_for_handle(self.engine.adopt(task_id, provider))
        finally:
            self.print_notices()
        self._bind(clip)
        return clip

    def retry(self, clip: Clip, *, may_pay_twice: bool) -> None:
        """Have a clip stand for its task again, which goes on where it was left. Raises as `Engine.resume` does.

        Raises NotConfirmed, too, where that may send it again, and pay with a key that was found.
        """
        self.found_keys.look_for(clip.task.provider)
        self.found_keys.confirm_again(clip.task, may_pay_twice=may_pay_twice)
        self._follow(clip, self.engine.resume(clip.task.intent, resend=True, may_pay_twice=may_pay_twice))
        self.notifier.expect(clip)

    def resume(self, clip: Clip) -> None:
        """Follow a clip that nobody follows any more, and put it into its variable. Raises as `Engine.resume` does."""
        self.found_keys.look_for(clip.task.provider)
        of_this_kernel = clip.task.intent in self.engine.handles
        self._follow(clip, self.engine.resume(clip.task.intent))
        if of_this_kernel:
            self.notifier.expect(clip)
        self._looks.pop(clip.task.intent, None)
        self._bind(clip)

    def _bind(self, clip: Clip) -> None:
        """Put a clip of an earlier kernel into its variable, unless that is in use or Python's; into `_luma` always."""
        variables = self.variables()
        variables[LAST_CLIP] = clip
        if clip.name and is_variable_name(clip.name) and not is_reserved_name(normalize_name(clip.name)):
            variables.setdefault(normalize_name(clip.name), clip)

    # The clip of a task: one for each intent.

    @deferred_interrupt()
    def clip_for_handle(self, handle: Handle, name: str | None = None) -> Clip:
        """The clip that stands for a task in this kernel, from now on by this handle."""
        task = handle.task
        with self._lock:  # one for all threads
            clip = self._clips.get(task.intent)
            if clip is None:
                source = self._source_of(task)
                made = self._clips[task.intent] = Clip(self, handle, name=name or task.name, source=source)
        if clip is None:
            self._keep_until_end(made)
            self._announce(made)
            return made
        if name:
            clip.name = name
        self._follow(clip, handle)
        return clip

    def _source_of(self, task: Task) -> Source:
        """What a task was made from, as the clips of this kernel; else as the user named it."""
        if isinstance(task.request, FilmRequest):
            return [self._clips.get(part.intent or "") or str(part) for part in task.request.parts]
        return self._clips.get(task.source_intent or "") or _source_text(task)

    def _keep_until_end(self, clip: Clip) -> None:
        """Hold a clip as long as its task is under way, and then until enough others have come after it."""
        self._recent.append(clip)
        handle = clip.handle
        if not handle.task.status.ended:
            self._under_way[handle.task.intent] = clip
            handle.done.add_done_callback(lambda done: self._let_go(handle))

    def _let_go(self, handle: Handle) -> None:
        clip = self._under_way.get(handle.task.intent)
        if clip and clip.handle is handle:
            del self._under_way[handle.task.intent]

    def clip_for_task(self, task: Task) -> Clip:
        """The clip of a task that nobody here need follow: the one that is there, or a new one."""
        return self._clips.get(task.intent) or self.clip_for_handle(Handle(task))

    def followed_clip_for_task(self, task: Task) -> Clip:
        """The clip of a task; one that another kernel follows is watched, so that a wait for it ends."""
        clip = self._clips.get(task.intent)
        # In this order: as it ends, the engine lets go of it.
        if clip and (self.engine.handles.get(task.intent) is clip.handle or clip.task.status.ended):
            return clip
        return self.clip_for_handle(Handle(task) if task.status.ended else self.engine.watch(task))

    def restore_clip(self, record: Mapping[str, Any]) -> Clip:
        """The clip of a record (`Clip.record`); the one of this kernel where it has it. Raises Unreadable."""
        source = record["source"]
        if isinstance(source, Mapping):
            self.restore_clip(source)
        task = load(record["task"])
        if task.media == Path():
            task = self.engine.repository.placed_here(task)
        if isinstance(task.error, ClipError) and (reason := record["reason"]):
            task = task.evolve(error=type(task.error)(str(task.error), reason))
        return self.restore_task(task, record["name"])

    def restore_task(self, task: Task, name: str | None) -> Clip:
        """The clip of a task that was stored; the one of this kernel where it has it."""
        return self._clips.get(task.intent) or self.clip_for_handle(Handle(task), name)

    @deferred_interrupt()
    def _follow(self, clip: Clip, handle: Handle) -> None:
        if handle is not clip.handle:
            clip.follow(handle)
            self._keep_until_end(clip)
            self._announce(clip)

    def listen(self, listener: ClipListener) -> Callable[[], None]:
        """Call ``listener`` with each clip that begins to stand for a task, from now on; what is returned ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def _announce(self, clip: Clip) -> None:
        for listener in list(self._listeners):
            try:
                listener(clip)
            except Exception:  # what cannot show a clip must not keep others from being sent
                log.exception("A listener failed")

    # A person's notes.

    def note_of(self, clip: Clip) -> Note:
        """The note on a clip."""
        return self.engine.notes.of(clip.task)

    def set_note(self, clip: Clip, note: Note) -> None:
        """Put a note on a clip, and tell who listens. Raises ConfigError where it cannot be written anywhere."""
        try:
            self.engine.notes.set(clip.task, note)
        finally:
            self.print_notices()
        for listener in list(self._note_listeners):
            listener(clip)

    def listen_notes(self, listener: ClipListener) -> Callable[[], None]:
        """Call ``listener`` with each clip whose note this kernel sets, from now on; what is returned ends that."""
        self._note_listeners.append(listener)
        return lambda: self._note_listeners.remove(listener) if listener in self._note_listeners else None

    # What there is.

    @property
    def own_clips(self) -> list[Clip]:
        """The clips that this kernel has at hand, oldest first: all that somebody holds or that are under way, and the
        last ones. The journal has the others."""
        clips = (reference() for reference in self._clips.valuerefs())
        return [clip for clip in clips if clip is not None]

    def clips(self, folder: str | PathLike[str] | None = None, wanted: Wanted = EVERYTHING) -> LazyClipList:
        """The clips of this notebook's folder that are wanted (`read_wanted`), of earlier kernels too, oldest first.

        ``folder`` names another one, or is ``"all"``. Raises InvalidRequest for a folder that there is not, ConfigError
        where the journal cannot be read.
        """
        tasks = self.history(folder, wanted)
        under_way = [self.followed_clip_for_task(task) for task in tasks.unfinished if not task.status.ended]
        return LazyClipList(tasks, self.followed_clip_for_task, under_way)

    def history(self, folder: str | PathLike[str] | None = None, wanted: Wanted = EVERYTHING) -> Past:
        """The tasks that `clips` has. Raises as `clips` does."""
        where = self.settings().folder if folder is None else read_path("folder", folder).absolute()
        everywhere = isinstance(folder, str) and folder == "all"
        tasks = self._past(wanted, None if everywhere else where)
        if not tasks and not everywhere and not where.is_dir():
            raise InvalidRequest(f"There is no folder {str(where)!r}.")
        return tasks

    def _past(self, wanted: Wanted, folder: Path | None) -> Past:
        """As `Repository.history`; what is to be read once is printed."""
        try:
            return self.engine.repository.history(wanted, folder=folder)
        finally:
            self.print_notices()

    def known_tasks(self, task_ids: Sequence[str]) -> dict[str, Task]:
        """The tasks with these ids of a service, made anywhere, by the id. Raises ConfigError."""
        found = self._past(Wanted(by="task_id", values=task_ids), None)
        return {task.task_id: task for task in found if task.task_id}

    def newest_tasks(self, count: int, statuses: Collection[Status]) -> list[Task]:
        """The newest of this folder that have one of these statuses, newest first. Raises ConfigError."""
        try:
            return self.engine.repository.newest(count, statuses)[::-1]
        finally:
            self.print_notices()

    def clip_by_key(self, key: str) -> Clip:
        """The clip of a key, as tables and file names show it, made here or in this folder. Raises InvalidRequest."""
        for clip in self.own_clips:
            if clip.task.key == key:
                return self.followed_clip_for_task(clip.task)
        if is_key(key):
            for task in self._past(Wanted(by="key", values=[key]), self.settings().folder):
                return self.followed_clip_for_task(task)
        raise InvalidRequest(
            f"There is no clip {shown(key)} in this folder: `luma_jupyter.clips()` shows those there are."
        )

    def find_earlier(self, name: str) -> str | None:
        """The word for the newest clip that a variable of this name held, here or in an earlier kernel; ``seas`` finds
        ``seas[0]``. None where there is none, or none that was made."""
        wanted = (normalize_name(name), f"{normalize_name(name)}[0]")
        names = {own.task.intent: own.name for own in self.own_clips}
        renamed = [intent for intent, known in names.items() if known in wanted]
        made: list[Task] = []
        with suppress(LumaError):  # a journal that cannot be read is told elsewhere
            for kind in (Wanted(by="name", values=wanted), Wanted(by="intent", values=renamed)):
                past = reversed(self._past(kind, self.settings().folder))
                held = (task for task in past if names.get(task.intent, task.name) in wanted)
                made += islice((task for task in held if not task.status.without_task), 1)
        newest = max(made, key=lambda task: (task.created_at, task.intent), default=None)
        return f"{KEY_PREFIX}{newest.key}" if newest else None

    def unfinished_clips(self) -> list[Clip]:
        """The clips of this kernel and of this folder that have not ended, or that nobody follows, oldest first."""
        own = [clip for clip in self.own_clips if not clip.task.status.ended]
        clips = {clip.task.intent: clip for clip in [*own, *self.unfollowed_clips()]}
        return sorted(clips.values(), key=lambda clip: clip.task.created_at)

    def unfollowed_clips(self) -> list[Clip]:
        """The unfinished clips of this folder that nobody follows, oldest first."""
        return [self.clip_for_task(task) for task in self._unfollowed_tasks()]

    def clips_of_earlier_kernels(self) -> list[Clip]:
        """Those of them that this kernel never followed."""
        return [clip for clip in self.unfollowed_clips() if clip.task.intent not in self.engine.handles]

    def _unfollowed_tasks(self) -> list[Task]:
        """The unfinished tasks of this folder; none where the journal cannot be read."""
        now = self.settings()
        if not may_be_unfinished(now.home_folder, now.folder):
            return []
        try:
            return self.engine.repository.unfinished(now.folder)
        except LumaError:
            return []  # told before anything is paid
        finally:
            self.print_notices()

    def look_for_unconfirmed(self) -> None:
        """Have a service asked what became of requests that it did not answer, where it can tell; nothing is sent.

        A class gateway is sent again what it was asked as a kernel ended: that cannot pay twice.
        """
        for task in self._unfollowed_tasks():
            if task.awaits_gateway or (
                task.status is Status.UNCONFIRMED and task.request.action != "modify"  # RunAPI has no list of tasks
            ):
                with suppress(LumaError):  # such as: no key by now
                    self._looks[task.intent] = self.clip_for_handle(self.engine.resume(task.intent))

    @property
    def clips_looked_for(self) -> list[Clip]:
        """The clips that are looked for unasked, or were found so, and that the user has not asked to follow yet."""
        return [clip for clip in self._looks.values() if clip.task.status is not Status.UNCONFIRMED]

    def ended_notice(self) -> str | None:
        """What of this folder ended with an earlier kernel, told once."""
        now = self.settings()
        if not may_be_unfinished(now.home_folder, now.folder):
            return None
        try:
            ended = self.engine.repository.settle_ended(now.folder)
        except LumaError:
            return None  # told before anything is paid
        return ended_text(ended)

    def unfinished_notice(self) -> str | None:
        """One line at loading, where clips of this folder are unfinished."""
        return unfinished_text(self._unfollowed_tasks())

    def lineage(self, clip: Clip) -> Lineage:
        """The whole tree of a clip, of what is known in this folder: its root, and all that came of that."""
        own = {other.task.intent: other for other in [*self.own_clips, clip]}
        past: list[Task] = []
        with suppress(LumaError):  # a journal that cannot be read is told elsewhere; this kernel's clips are known
            past = list(self.history())
        tasks = {task.intent: task for task in past} | {intent: other.task for intent, other in own.items()}
        names = {intent: other.name for intent, other in own.items()}
        return Lineage(
            lineage_nodes(tasks, clip.task.intent, lambda task: names.get(task.intent) or task.name or task.key)
        )

    def explain(self, clip: Clip) -> Explanation:
        """What went over the wire for a clip, as far as it was recorded on this machine."""
        task, repository = clip.task, self.engine.repository
        recorded = repository.recorded(task)
        kept, elsewhere = self.settings().keep_exchanges, repository.is_followed_elsewhere(task)
        note = what_there_is(task, recorded.exchanges, kept=kept, elsewhere=elsewhere)
        return Explanation(clip.source_label, task, recorded, note)

    # Words and places.

    def find_name(self, value: object) -> str | None:
        """The variable that holds a clip, or any other value."""
        return find_name(value, self.variables())

    def _name_of(self, task: Task) -> str | None:
        """The variable that holds the clip of a task now, for who finds it later."""
        clip = self._clips.get(task.intent)
        with suppress(Exception):  # whatever the user's variables hold: a paid clip is saved all the same
            return clip.name if clip else task.name
        return task.name

    def find_word(self, clip: Clip) -> str:
        """What a cell can call a clip now: a variable that holds it, else its key."""
        return find_word(clip, self.variables())

    def relative_path(self, path: Path) -> str | None:
        """A path as seen from the notebook's folder; None on another drive."""
        return path_from(self._folder(), path)

    def print_notices(self) -> None:
        """Print what the engine wants to be read once."""
        while self.engine.notices:
            say(f"luma_jupyter: {translated(self.engine.notices.pop(0))}")


def _source_text(task: Task) -> str | None:
    """What a task was made from, as the user named it: an address whole, as far as it is known."""
    whole = addresses_in(task.request).get("source")
    return whole if whole and is_cut(task.source_label or "") else task.source_label
