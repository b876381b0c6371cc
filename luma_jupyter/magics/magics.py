"""The magics: ``%%luma`` makes a video, ``%luma`` looks after those under way. They read, call, and show; no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeAlias

from luma_jupyter.api.create import adopt
from luma_jupyter.api.kernel import Kernel
from luma_jupyter.cells.command import CellCommand, create, read_cell, would_send
from luma_jupyter.cells.expressions import single_braces_notice
from luma_jupyter.cells.film import read_film_cell
from luma_jupyter.cells.lookup import Lookup, split_index
from luma_jupyter.cells.options import FLAG_OF, LINE_WORDS
from luma_jupyter.cells.parser import (
    looks_like_option,
    missing_prompt,
    read_adopt_options,
    read_handin_options,
    read_history_options,
    read_retry_options,
    split,
    unknown_word,
)
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList, ClipSequence, wait_for_all
from luma_jupyter.clip.confirm import price_text
from luma_jupyter.clip.finding import read_wanted
from luma_jupyter.clip.names import find_name
from luma_jupyter.clip.session import Session
from luma_jupyter.domain.money import dollars
from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.vocabulary import ACTIONS, CLASS_GATEWAY, Provider, Status
from luma_jupyter.engine.provider_pool import choose_provider
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError, with_words
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext, translated
from luma_jupyter.magics.doctor import Diagnosis, diagnose
from luma_jupyter.magics.help import film_text, help_text, options_text, words_text
from luma_jupyter.printable import say
from luma_jupyter.settings import KEY_SETTINGS, LOGIN_KEYS, FoundKey, read_key, variable
from luma_jupyter.views.account import AccountView, balance_text
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.exchanges import Explanation
from luma_jupyter.views.history import History
from luma_jupyter.views.table import table_text
from luma_jupyter.views.text import SHORT_STATUS_TEXT, short
from luma_jupyter.widgets.presenter import PagePresenter

if TYPE_CHECKING:
    from luma_jupyter.api.views import Studio
    from luma_jupyter.handed_in.packing import HandIn

    # What a line gives, for the page to show.
    Shown: TypeAlias = AccountView | Explanation | History | Diagnosis | Studio | HandIn | None

_PAID: tuple[Provider, ...] = ("acedata", "runapi")
ACCOUNT_DAYS = 7  # days of the service's list that `%luma account` shows

_FLAGS = {known.word: known.flags for known in LINE_WORDS}


def _read_key_name(word: str, words: list[str]) -> str:
    """The setting of the key that a ``%luma login`` line names. Raises InvalidRequest, which quotes nothing: it may be
    the key."""
    if len(words) > 1:
        raise _without_key(word)
    if not words or words[0] not in LOGIN_KEYS:
        known = " or ".join(LOGIN_KEYS)
        raise InvalidRequest(f"Say which: %luma {word} {known}.")
    return LOGIN_KEYS[words[0]]


def _without_key(word: str) -> InvalidRequest:
    """What to say of a ``%luma login`` line that may have a key in it, which is not quoted."""
    known = " or ".join(LOGIN_KEYS)
    return InvalidRequest(
        f"%luma {word} takes one word: {known}. You are asked for the key, and it is not shown. If there is a key "
        "in the cell, delete it: notebooks are saved."
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
            say(film_text())
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
            "explain": self._explain,
            "stop": self._stop,
            "resume": self._resume,
            "retry": self._retry,
            "film": self._make_film,
            "adopt": self._adopt,
            "account": self._account,
            "history": self._history,
            "handin": self._hand_in,
            "words": lambda names: say(words_text()),
            "price": self._price,
            "balance": self._balance,
            "login": self._login,
            "logout": self._logout,
            "doctor": lambda names: diagnose(self._kernel),
            "studio": self._studio,
            "help": self._help,
        }
        if word in ("-h", "--help"):
            word = "help"
        if word not in actions:
            if get_close_matches(word.partition("=")[0].lower(), ("login", "logout"), cutoff=0.7):
                raise _without_key("login")
            raise unknown_word(line)
        names = split(line)[1:]
        if word in ("login", "logout") and any(map(looks_like_option, names)):
            raise _without_key(word)
        if (options := [name for name in names if looks_like_option(name)]) and not _FLAGS[word]:
            option = options[0]
            raise InvalidRequest(f"%luma {word} takes no options: leave out {option}.")
        return actions[word](names)

    def _help(self, words: list[str]) -> None:
        say(options_text() if words == ["options"] else help_text())

    def _status(self, names: list[str]) -> None:
        session = self._session
        everything = dict.fromkeys([*session.own_clips, *session.clips_of_earlier_kernels()])  # each once
        states = [clip.state for clip in self._named(names).values()] or [*filter(None, map(self._row, everything))]
        say(table_text(states) if states else _("There are no clips in this kernel yet."))
        if not names and (notice := session.unfinished_notice()):
            say(notice)

    def _row(self, clip: Clip) -> ClipState | None:
        """A clip as it can be named now; None where it is over, and a newer one is in its variable."""
        variables, state = self._session.variables(), clip.state
        if state.name is None:
            return replace(state, name=state.word)
        holder = variables.get(split_index(state.name)[0])
        held = [holder] if isinstance(holder, Clip) else holder
        if not isinstance(held, list | ClipSequence) or clip in held:
            return state
        over = state.task.status.ended and not state.task.status.resumable
        if over and find_name(clip, variables) is None:
            return None
        return replace(state, name=self._session.find_word(clip))

    def _wait(self, names: list[str]) -> None:
        session = self._session
        clips = list(self._named(names).values())
        if not names:
            self._go_on([clip for clip in session.clips_of_earlier_kernels() if clip.task.status is Status.DETACHED])
            only_looked_for = [clip for clip in session.clips_looked_for if clip.task_id is None]
            own = [clip for clip in session.own_clips if clip not in only_looked_for]
            clips = [clip for clip in own if not clip.task.status.ended]
        if not clips:
            say(_("No clip is being made."))
            if notice := session.unfinished_notice():
                say(notice)
        wait_for_all(clips, self._presenter.wait_for)

    def _show_named(self, names: list[str]) -> None:
        if not names:
            raise InvalidRequest("Say which: %luma show NAME… (%luma status lists them).")
        self._presenter.show_each(ClipList(self._named(names).values()))

    def _explain(self, names: list[str]) -> Explanation:
        if len(names) != 1:
            raise InvalidRequest("Say which: %luma explain NAME (%luma status lists them).")
        return Lookup.of(self._session).clip(names[0]).explain()

    def _stop(self, names: list[str]) -> None:
        if not names:
            raise InvalidRequest("Say which: %luma stop NAME (%luma status lists them).")
        for name, clip in self._named(names).items():
            status = clip.task.status  # asked before the stop, which takes effect at any moment after it
            clip.stop()
            said = _("{name} has ended already: {status}.") if status.ended else _("Stopped watching {name}.")
            say(said.format(name=name, status=translated(SHORT_STATUS_TEXT[status])))

    def _resume(self, names: list[str]) -> None:
        session = self._session
        left = dict.fromkeys([*session.unfollowed_clips(), *session.clips_looked_for])  # each once
        clips = list(self._named(names).values()) if names else list(left)
        if ended := session.ended_notice():
            say(ended)
        if not clips:
            say(_("No clip of this folder is unfinished. Does a card still wait? Run its cell again to see its end."))
        self._show(ClipList(self._go_on(clips)), self._presenter.show_each)

    def _go_on(self, clips: list[Clip]) -> list[Clip]:
        """Watch clips again; those that can be."""
        resumed = []
        for clip in clips:
            if not clip.task.status.ended and clip not in self._session.clips_looked_for:
                say(_("{name} is being watched already.").format(name=clip.label))
                continue
            try:
                self._session.resume(clip)
            except LumaError as error:  # such as: no key for its service; the others go on
                say(f"{clip.label} (“{short(clip.prompt, 40)}”): {translated(error)}")
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

    def _hand_in(self, words: list[str]) -> HandIn:
        from luma_jupyter.api.handed_in import handin  # start-up: a cell's request does not wait for it

        options = read_handin_options(words)
        return handin(options.notebook, options.out)

    def _price(self, words: list[str]) -> None:
        self._session.found_keys.look_for(*_PAID)
        engine, now = self._session.engine, self._session.settings()
        for action in ACTIONS:
            try:
                provider = choose_provider(action, None, None, "", now)
                service = translated(CLASS_GATEWAY) if now.gateway and provider != "demo" else provider
                say(f"{action:<9} {service:<8} {price_text(engine.costs.price(provider, action))}")
            except ConfigError as error:
                say(f"{action:<9} {'-':<8} {translated(error)}")
        spent, unpriced = engine.costs.spent_today()
        say(_("Spent today: {amount}.").format(amount=dollars(spent)))
        if unpriced:
            unknown = ngettext(
                "The price of {count} more video is not known.",
                "The price of {count} more videos is not known.",
                unpriced,
            )
            say(unknown.format(count=unpriced))
        if now.budget is None:
            say(_("No budget is set: luma_jupyter.configure(budget=5) sets one of $5 a day."))
        else:
            say(_("Your budget is {amount} a day.").format(amount=dollars(now.budget)))

    def _balance(self, words: list[str]) -> None:
        trouble: list[LumaError] = []
        self._session.found_keys.look_for(*_PAID)
        now = self._session.settings()
        for provider in _PAID if now.gateway is None else ("runapi",):  # a class gateway has one balance, in dollars
            name = now.service_name(provider)
            try:
                balance = self._session.engine.services.balance(provider)
                say(_(": ").join([translated(name), balance_text(balance, own=now.gateway is not None)]))
            except ConfigError as error:
                say(_(": ").join([translated(name), translated(error)]))
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
        kept = _("{variable} is kept in {place}, for all your notebooks. {logout} takes it out again.")
        place = translated(keyring.place)
        say(kept.format(variable=env, place=place, logout=f"%luma logout {words[0]}"))
        if other := self._place_of_another(name):
            say(_("The key from {place} is used first.").format(place=translated(other)))
        elif name in KEY_SETTINGS.values():
            say(_("Videos made with it cost money; with --provider demo they are free."))

    def _ask_key(self, env: str) -> Secret:
        """The key that is typed; as text it is known here alone, and in no frame of an error that comes later."""
        question = _("{variable} (what you type is not shown): ").format(variable=env)
        text = self._presenter.ask_secret(question)
        if text is None:
            raise InvalidRequest(f"Nobody can be asked here: set {env} in the environment.")
        if not text.strip():
            raise InvalidRequest("Nothing was typed, so nothing is kept.")
        return read_key(env, text)

    def _logout(self, words: list[str]) -> None:
        name = _read_key_name("logout", words)
        env, keyring = variable(name), self._kernel.keyring
        there = keyring.remove(env)
        self._session.found_keys.forget(name, keyring.place)
        done = _("{variable} is taken out of {place}.") if there else _("{variable} is not in {place}.")
        say(done.format(variable=env, place=translated(keyring.place)))
        if other := self._place_of_another(name):
            say(_("The key from {place} is still used.").format(place=translated(other)))

    def _place_of_another(self, name: str) -> str | None:
        """Where the key in use is from, if that is not the keyring."""
        place = self._session.settings().key_places.get(name)
        return None if place == self._kernel.keyring.place else place

    def _studio(self, words: list[str]) -> Studio:
        from luma_jupyter.api.views import Studio  # start-up: a cell's request does not wait for forms and galleries

        return Studio()

    def _named(self, names: list[str]) -> dict[str, Clip]:
        return Lookup.of(self._session).clips(names)
