"""The magics: ``%%luma`` makes a video, ``%luma`` looks after those under way. They parse, call, and show; no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from luma_jupyter import settings
from luma_jupyter.choices import ACTIONS
from luma_jupyter.engine.prices import dollars
from luma_jupyter.engine.services import choose_provider
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError
from luma_jupyter.models import Status
from luma_jupyter.notebook import session, showing
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips, wait_for_all
from luma_jupyter.notebook.doctor import Diagnosis, diagnose
from luma_jupyter.notebook.history import History
from luma_jupyter.notebook.parse import USAGE, options_help, parse_cell, parse_history, split
from luma_jupyter.notebook.placing import place, would_send
from luma_jupyter.notebook.render import short
from luma_jupyter.notebook.studio.studio import Studio
from luma_jupyter.notebook.tabulate import table
from luma_jupyter.notebook.variables import lookup_clip, lookup_clips

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Shown: TypeAlias = History | Diagnosis | Studio | None  # what a line gives, for the page to show

HELP = f"""Make Luma videos in a notebook.
{USAGE}
the prompt, on the lines below; {{{{name}}}} inserts a variable

{options_help()}

SOURCE is a clip's variable or key (clip:3f9c2a1b), a video id, a URL, or the path of a video.
X for an image may be a clip's frame: sunset@first, sunset@last, or sunset@2.5 (seconds).

  %%luma -o sunset --aspect-ratio 16:9      generate, kept in the variable sunset
  %%luma extend sunset -o longer            continue it
  %%luma modify longer -o foggy             re-render it

%luma status [NAME…]   the clips of this kernel
%luma wait [NAME…]     wait for them (all that are unfinished)
%luma stop NAME…       stop following; the task may still run and be billed
%luma resume [NAME…]   follow again what an earlier kernel left unfinished in this folder
%luma retry NAME       go on with a clip that is unconfirmed, not followed, or without its file
                       (--may-pay-twice: send an unconfirmed one again, whatever it may cost)
%luma history          all clips of this folder (or: --all, --folder FOLDER, --day 2026-11-22)
%luma price · balance  what a call costs, and what was spent today; what is left at RunAPI
%luma doctor           whether all is well here, and what to do where it is not
%luma studio           the same as forms to fill in, and all that is under way
%luma help             this text
In Python: luma_jupyter.generate(…), clip.extend(…), clip.modify(…), clip.wait(), await clip.
"""


class LumaMagics:
    """What the magics of one shell do; `extension` makes them known to it."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    def run(self, line: str, cell: str | None) -> Shown:
        """Run a ``%luma`` line, or a ``%%luma`` cell."""
        try:
            if cell is None:
                return self._run_line(line)
            self._run_cell(line, cell)
            return None
        except LumaError as error:
            error.__context__ = None  # an ExceptionGroup in there would bring the whole traceback back
            raise

    def _run_cell(self, line: str, cell: str) -> None:
        command = parse_cell(line, cell, self._shell.user_ns)
        if command.dry_run:
            print(would_send(command))
            return
        self._show(place(command, self._shell.user_ns), showing.show_made, command.wait)

    def _show(self, clips: Clips, show: Callable[[Clips], None], wait: bool | None = None) -> None:
        wait = showing.cells_wait(wait)
        if showing.in_kernel() or not wait:  # in a terminal, waiting shows it
            show(clips)
        if wait:
            showing.wait_for_made(clips)

    def _run_line(self, line: str) -> Shown:
        word, *names = split(line) or ["help"]
        words: dict[str, Callable[[list[str]], Shown]] = {
            "status": self._status,
            "wait": self._wait,
            "stop": self._stop,
            "resume": self._resume,
            "retry": self._retry,
            "history": self._history,
            "price": self._price,
            "balance": self._balance,
            "doctor": lambda names: diagnose(session.engine),
            "studio": lambda names: Studio(),
            "help": lambda names: print(HELP),
        }
        if word in ("-h", "--help"):
            word = "help"
        if word not in words:
            raise InvalidRequest(
                f"There is no %luma {word}; there are {', '.join(words)}. "
                "To make a video, begin the cell with %%luma and write the prompt on the lines below."
            )
        return words[word](names)

    def _status(self, names: list[str]) -> None:
        everything = dict.fromkeys([*session.own_clips(), *session.left_by_others()])  # each once
        clips = list(lookup_clips(names, self._shell.user_ns).values()) or list(everything)
        print(table([clip._look() for clip in clips]) if clips else "There are no clips in this kernel yet.")
        if not names and (greeting := session.greeting()):
            print(greeting)

    def _wait(self, names: list[str]) -> None:
        clips = list(lookup_clips(names, self._shell.user_ns).values())
        if not names:
            self._go_on([clip for clip in session.left_by_others() if clip._task.status is Status.DETACHED])
            clips = [clip for clip in session.own_clips() if not clip._task.status.ended]
        if not clips:
            print("No clip is under way.")
            if greeting := session.greeting():
                print(greeting)
        wait_for_all(clips, showing.wait_for)

    def _stop(self, names: list[str]) -> None:
        if not names:
            raise InvalidRequest("Say which: %luma stop NAME (%luma status lists them).")
        for name, clip in lookup_clips(names, self._shell.user_ns).items():
            ended = clip._task.status.ended  # asked before the stop, which takes effect at any moment after it
            clip.stop()
            print(f"{name} is {clip.status} already." if ended else f"{name}: following ends.")

    def _resume(self, names: list[str]) -> None:
        clips = list(lookup_clips(names, self._shell.user_ns).values()) if names else session.left_over()
        if not clips:
            print("No clip of this folder is unfinished.")
        self._show(Clips(self._go_on(clips)), showing.show_each)

    def _go_on(self, clips: list[Clip]) -> list[Clip]:
        """Follow clips again; those that can be."""
        resumed = []
        for clip in clips:
            if not clip._task.status.ended:
                print(f"{clip._label} is {clip.status} already.")
                continue
            try:
                session.follow_again(clip)
            except LumaError as error:  # such as: no key for its service; the others go on
                print(f"{clip._label} (“{short(clip.prompt, 40)}”): {error}")
                continue
            resumed.append(clip)
        return resumed

    def _retry(self, words: list[str]) -> None:
        names = [word for word in words if word != "--may-pay-twice"]
        if unknown := [name for name in names if name.startswith("-")]:
            raise InvalidRequest(f"There is no option {unknown[0]}: %luma retry NAME [--may-pay-twice].")
        if len(names) != 1:
            raise InvalidRequest("Say which: %luma retry NAME [--may-pay-twice] (%luma status lists them).")
        clip = lookup_clip(names[0], self._shell.user_ns)
        self._show(Clips([clip.retry(may_pay_twice="--may-pay-twice" in words)]), showing.show_each)

    def _history(self, words: list[str]) -> History:
        options = parse_history(words)
        tasks = session.past("all" if options.all else options.folder, options.day)
        return History(tasks, settings.current().folder, time.time())

    def _price(self, words: list[str]) -> None:
        engine = session.engine()
        for action in ACTIONS:
            try:
                provider = choose_provider(action, None, None, "", settings.current())
                print(f"{action:<9} {provider:<8} {engine.price(provider, action)}")
            except ConfigError as error:
                print(f"{action:<9} {'-':<8} {error}")
        spent, unpriced = engine.spent_today()
        unknown = f", and {unpriced} of unknown price" if unpriced else ""
        budget = settings.current().budget
        limit = "no budget is set" if budget is None else f"the budget is {dollars(budget)} a day"
        print(f"Spent today: {dollars(spent)}{unknown}; {limit}.")

    def _balance(self, words: list[str]) -> None:
        balance = session.engine().balance()
        known = {"left": balance.left, "spent today": balance.spent_today, "spent in all": balance.spent_in_all}
        print("RunAPI: " + ", ".join(f"{dollars(usd)} {word}" for word, usd in known.items() if usd is not None))
        print(f"AceDataCloud: its API does not say; look at {settings.current().acedata_platform_url}")
