"""The magics: ``%%luma`` makes a video, ``%luma`` looks after those under way. They read, call, and show; no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from luma_jupyter.api.create import adopt
from luma_jupyter.api.kernel import Kernel
from luma_jupyter.cells.command import CellCommand, create, read_cell, would_send
from luma_jupyter.cells.expressions import single_braces_notice
from luma_jupyter.cells.film import read_film_cell
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.cells.options import FILM_OPTIONS, FLAG_OF, LINE_WORDS, line_words_help, options_help
from luma_jupyter.cells.parser import (
    FILM_USAGE,
    USAGE,
    looks_like_option,
    missing_prompt,
    read_adopt_options,
    read_history_options,
    read_retry_options,
    split,
    unknown_word,
)
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList, wait_for_all
from luma_jupyter.clip.finding import read_wanted
from luma_jupyter.clip.session import Session
from luma_jupyter.domain.money import dollars
from luma_jupyter.domain.prompt_words import vocabulary
from luma_jupyter.domain.vocabulary import ACTIONS, CLASS_GATEWAY, Provider, Status
from luma_jupyter.engine.provider_pool import choose_provider
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError, with_words
from luma_jupyter.magics.doctor import Diagnosis, diagnose
from luma_jupyter.printable import say
from luma_jupyter.settings import KEY_SETTINGS, LOGIN_KEYS, FoundKey, Secret, read_key, variable
from luma_jupyter.views.account import AccountView, balance_text
from luma_jupyter.views.history import History
from luma_jupyter.views.table import table_text
from luma_jupyter.views.text import short
from luma_jupyter.widgets.presenter import PagePresenter

if TYPE_CHECKING:
    from luma_jupyter.api.views import Studio

    Shown: TypeAlias = AccountView | History | Diagnosis | Studio | None  # what a line gives, for the page to show

_PAID: tuple[Provider, ...] = ("acedata", "runapi")
ACCOUNT_DAYS = 7  # days of the service's list that `%luma account` shows

_FLAGS = {known.word: known.flags for known in LINE_WORDS}


def _read_key_name(word: str, words: list[str]) -> str:
    """The setting of the key that a ``%luma login`` line names. Raises InvalidRequest, which quotes nothing: it may be
    the key."""
    known = ", ".join(LOGIN_KEYS)
    if len(words) > 1:
        raise InvalidRequest(
            f"%luma {word} takes one word ({known}); a key is asked for, and not shown. If there is one in the cell, "
            "delete it: notebooks are saved."
        )
    if not words or words[0] not in LOGIN_KEYS:
        raise InvalidRequest(f"Say which: %luma {word} {' or '.join(LOGIN_KEYS)}.")
    return LOGIN_KEYS[words[0]]


HELP = f"""Make Luma videos in a notebook.
{USAGE}
the prompt, on the lines below; {{{{name}}}}, {{{{row['look']}}}} or {{{{size:.1f}}}} inserts a variable's value

{options_help()}

SOURCE is a clip's variable or key (clip:3f9c2a1b), a video id, a URL, or the path of a video.
X for an image may be a clip's frame: sunset@first, sunset@last, or sunset@2.5 (seconds).

  %%luma -o sunset --aspect-ratio 16:9      generate, kept in the variable sunset
  %%luma extend sunset -o longer            continue it
  %%luma modify longer -o foggy             re-render it
  %luma film sunset longer@1- -o movie      join them

{line_words_help()}
In Python: luma_jupyter.generate(…), clip.extend(…), clip.modify(…), clip.wait(), film(…).
"""

FILM_HELP = f"""Make a film of clips, on this machine and free.
{FILM_USAGE}
or a cell, %%luma film PART… [options], with captions below: one line for each part, or an empty one

{options_help(FILM_OPTIONS)}

PART is the variable or key of a clip, a list of clips, a part of a clip: storm@1-4.5 (seconds) or
storm@1- (to its end), a variable with any of these, or the path of a video or a picture: card.png,
card.png@2 (seconds).
"""


def words_text() -> str:
    """The words of prompts, those that the demo service knows first."""
    known, others = ([f"{kind:<20} {words}" for kind, words in vocabulary(simulated=flag)] for flag in (True, False))
    return "\n".join(
        [
            "Words for prompts, in English or Chinese. The paid services take them as words in the prompt, of which",
            "they read all, as one would say it. Tab completes those of light, camera, style and pace in a prompt.",
            "",
            "The demo service makes its films by these words; whatever else a prompt says only decides by chance what",
            "they leave open.",
            "",
            *known,
            "",
            "These go to the paid services alone; the demo service does not know them.",
            "",
            *others,
        ]
    )


class LumaMagics:
    """What the magics do in a kernel; `extension` makes them known to its shell."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    @property
    def _session(self) -> Session:
        return self._kernel.session

    @property
    def _presenter(self) -> PagePresenter:
        return self._kernel.presenter

    def run(self, line: str, cell: str | None) -> Shown:
        """Run a ``%luma`` line, or a ``%%luma`` cell."""
        try:
            if cell is None:
                return self._run_line(line)
            self._run_cell(line, cell)
            return None
        except LumaError as caught:
            error = with_words(caught, FLAG_OF)
            error.__context__ = None  # an ExceptionGroup in there would bring the whole traceback back
            raise error from None

    def _run_cell(self, line: str, cell: str) -> None:
        if line.split()[:1] == ["film"]:
            self._make_film(split(line)[1:], cell)
            return
        if not cell.strip():
            raise missing_prompt(line)
        command = read_cell(line, cell, Lookup.of(self._session))
        if notice := single_braces_notice(cell, self._session.variables()):
            say(f"luma_jupyter: {notice}")
        self._carry_out(command)

    def _make_film(self, words: list[str], captions: str = "") -> None:
        if not words and not captions.strip():
            say(FILM_HELP)
            return
        self._carry_out(read_film_cell(words, captions, Lookup.of(self._session)))

    def _carry_out(self, command: CellCommand) -> None:
        if command.dry_run:
            say(would_send(command, self._session))
            return
        self._show(create(command, self._session), self._presenter.show_made, command.wait)

    def _show(self, clips: ClipList, show: Callable[[ClipList], None], wait: bool | None = None) -> None:
        environment = self._presenter.environment
        wait = environment.cells_wait(wait)
        if environment.has_page or not wait:  # in a terminal, waiting shows it
            show(clips)
        if wait:
            self._presenter.wait_for_all(clips)

    def _run_line(self, line: str) -> Shown:
        word = next(iter(line.split()), "help")
        actions: dict[str, Callable[[list[str]], Shown]] = {
            "status": self._status,
            "wait": self._wait,
            "show": self._show_named,
            "stop": self._stop,
            "resume": self._resume,
            "retry": self._retry,
            "film": self._make_film,
            "adopt": self._adopt,
            "account": self._account,
            "history": self._history,
            "words": lambda names: say(words_text()),
            "price": self._price,
            "balance": self._balance,
            "login": self._login,
            "logout": self._logout,
            "doctor": lambda names: diagnose(self._kernel),
            "studio": self._studio,
            "help": lambda names: say(HELP),
        }
        if word in ("-h", "--help"):
            word = "help"
        if word not in actions:
            raise unknown_word(line)
        names = split(line)[1:]
        if (options := [name for name in names if looks_like_option(name)]) and not _FLAGS[word]:
            raise InvalidRequest(f"%luma {word} takes no options: leave out {options[0]}.")
        return actions[word](names)

    def _status(self, names: list[str]) -> None:
        session = self._session
        everything = dict.fromkeys([*session.own_clips, *session.clips_of_earlier_kernels()])  # each once
        clips = list(self._named(names).values()) or list(everything)
        say(table_text([clip.state for clip in clips]) if clips else "There are no clips in this kernel yet.")
        if not names and (notice := session.unfinished_notice()):
            say(notice)

    def _wait(self, names: list[str]) -> None:
        session = self._session
        clips = list(self._named(names).values())
        if not names:
            self._go_on([clip for clip in session.clips_of_earlier_kernels() if clip.task.status is Status.DETACHED])
            only_looked_for = [clip for clip in session.clips_looked_for if clip.task_id is None]
            own = [clip for clip in session.own_clips if clip not in only_looked_for]
            clips = [clip for clip in own if not clip.task.status.ended]
        if not clips:
            say("No clip is under way.")
            if notice := session.unfinished_notice():
                say(notice)
        wait_for_all(clips, self._presenter.wait_for)

    def _show_named(self, names: list[str]) -> None:
        if not names:
            raise InvalidRequest("Say which: %luma show NAME… (%luma status lists them).")
        self._presenter.show_each(ClipList(self._named(names).values()))

    def _stop(self, names: list[str]) -> None:
        if not names:
            raise InvalidRequest("Say which: %luma stop NAME (%luma status lists them).")
        for name, clip in self._named(names).items():
            ended = clip.task.status.ended  # asked before the stop, which takes effect at any moment after it
            clip.stop()
            say(f"{name} is {clip.status} already." if ended else f"{name}: following ends.")

    def _resume(self, names: list[str]) -> None:
        session = self._session
        left = dict.fromkeys([*session.unfollowed_clips(), *session.clips_looked_for])  # each once
        clips = list(self._named(names).values()) if names else list(left)
        if ended := session.ended_notice():
            say(ended)
        if not clips:
            say(
                "No clip of this folder is unfinished: to see what came of a card that still waits, run its cell again."
            )
        self._show(ClipList(self._go_on(clips)), self._presenter.show_each)

    def _go_on(self, clips: list[Clip]) -> list[Clip]:
        """Follow clips again; those that can be."""
        resumed = []
        for clip in clips:
            if not clip.task.status.ended and clip not in self._session.clips_looked_for:
                say(f"{clip.label} is {clip.status} already.")
                continue
            try:
                self._session.resume(clip)
            except LumaError as error:  # such as: no key for its service; the others go on
                say(f"{clip.label} (“{short(clip.prompt, 40)}”): {error}")
                continue
            resumed.append(clip)
        return resumed

    def _retry(self, words: list[str]) -> None:
        options = read_retry_options(words)
        if len(options.names) != 1:
            raise InvalidRequest("Say which: %luma retry NAME [--may-pay-twice] (%luma status lists them).")
        clip = Lookup.of(self._session).clip(options.names[0])
        retried = clip.retry(may_pay_twice=options.may_pay_twice)
        self._show(ClipList([retried]), self._presenter.show_each)

    def _history(self, words: list[str]) -> History:
        folder, wanted = read_history_options(words)
        tasks = self._session.history(folder, read_wanted(**wanted))
        return History(
            tasks,
            self._session.settings().folder,
            time.time(),
            lambda file: not file.exists(),
            self._session.engine.notes.of_all,
        )

    def _price(self, words: list[str]) -> None:
        self._session.found_keys.look_for(*_PAID)
        engine, now = self._session.engine, self._session.settings()
        for action in ACTIONS:
            try:
                provider = choose_provider(action, None, None, "", now)
                service = CLASS_GATEWAY if now.gateway and provider != "demo" else provider
                say(f"{action:<9} {service:<8} {engine.price(provider, action)}")
            except ConfigError as error:
                say(f"{action:<9} {'-':<8} {error}")
        spent, unpriced = engine.spent_today()
        unknown = f", and {unpriced} of unknown price" if unpriced else ""
        limit = "no budget is set" if now.budget is None else f"the budget is {dollars(now.budget)} a day"
        say(f"Spent today: {dollars(spent)}{unknown}; {limit}.")

    def _balance(self, words: list[str]) -> None:
        trouble: list[LumaError] = []
        self._session.found_keys.look_for(*_PAID)
        now = self._session.settings()
        for provider in _PAID if now.gateway is None else ("runapi",):  # a class gateway has one balance, in dollars
            name = now.service_name(provider)
            try:
                balance = self._session.engine.services.balance(provider)
                say(f"{name}: {balance_text(balance, own=now.gateway is not None)}")
            except ConfigError as error:
                say(f"{name}: {error}")
            except LumaError as error:  # told when the other one has been asked too
                trouble.append(error)
        if trouble:
            raise trouble[0]

    def _adopt(self, words: list[str]) -> None:
        options = read_adopt_options(words)
        out = Lookup.of(self._session).new_variable(options.out) if options.out else None
        clip = adopt(options.task_id, provider=options.provider)
        if out:
            clip.name = out
            self._session.variables()[out] = clip
        self._show(ClipList([clip]), self._presenter.show_each)

    def _account(self, words: list[str]) -> AccountView:
        self._session.found_keys.look_for("acedata")
        account = self._session.engine.services.account(time.time() - ACCOUNT_DAYS * 24 * 3600)
        ours = self._session.known_tasks([task.task_id for task in account.tasks])
        return AccountView(account, ours, ACCOUNT_DAYS)

    def _login(self, words: list[str]) -> None:
        name = _read_key_name("login", words)
        env, keyring = variable(name), self._kernel.keyring
        key = self._ask_key(env)
        keyring.keep(env, key)
        self._kernel.configuration.remember_key(name, FoundKey(key, keyring.place))
        self._session.found_keys.agree(name)
        say(f"{env} is kept in {keyring.place}, for all your notebooks; %luma logout {words[0]} takes it out again.")
        if place := self._place_of_another(name):
            say(f"The one of {place} comes before it.")
        elif name in KEY_SETTINGS.values():
            say("What is made with it is paid; --provider demo simulates.")

    def _ask_key(self, env: str) -> Secret:
        """The key that is typed; as text it is known here alone, and in no frame of an error that comes later."""
        text = self._presenter.ask_secret(f"{env} (what you type is not shown): ")
        if text is None:
            raise InvalidRequest(f"Here nobody can be asked: set {env} in the environment.")
        if not text.strip():
            raise InvalidRequest("Nothing was typed, and nothing is kept.")
        return read_key(env, text)

    def _logout(self, words: list[str]) -> None:
        name = _read_key_name("logout", words)
        env, keyring = variable(name), self._kernel.keyring
        there = keyring.remove(env)
        self._session.found_keys.forget(name, keyring.place)
        say(f"{env} is {'taken out of' if there else 'not in'} {keyring.place}.")
        if place := self._place_of_another(name):
            say(f"The one of {place} is still used.")

    def _place_of_another(self, name: str) -> str | None:
        """Where the key in use is from, if that is not the keyring."""
        place = self._session.settings().key_places.get(name)
        return None if place == self._kernel.keyring.place else place

    def _studio(self, words: list[str]) -> Studio:
        from luma_jupyter.api.views import Studio  # start-up: a cell's request does not wait for forms and galleries

        return Studio()

    def _named(self, names: list[str]) -> dict[str, Clip]:
        return Lookup.of(self._session).clips(names)
