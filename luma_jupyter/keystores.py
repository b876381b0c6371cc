"""Where hosts keep keys: Colab's secrets, Kaggle's secrets, and the system's keyring.

A key has one name everywhere, that of its environment variable. Whatever a store says no with, only the kind of its
error is passed on: its words and its local variables may hold the key. A store that may never answer, as a locked
keyring does, is asked in a thread of its own, which is left alone after a while. A change that it has begun may come
late then; but what was asked for after it comes after it, and what had not begun is dropped.

``load`` imports a module, and is passed in by tests.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, TypeAlias, TypeVar

from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConfigError
from luma_jupyter.languages import N_

T = TypeVar("T")
Load: TypeAlias = Callable[[str], Any]

READ_SECONDS = 5.0  # that a cell waits for a key
WRITE_SECONDS = 60.0  # that a login waits, where the system may ask for a password first
KEYRING_SERVICE = "luma_jupyter"
# These write keys into files that others can read, or keep nothing.
_REFUSED = ("keyrings.alt", "keyring.backends.null", "keyring.backends.fail")


class ColabSecrets:
    """The secrets of Colab's page, which are asked for while ``in_page`` says that somebody sits in it.

    They are asked for in the thread of the caller, since the answer comes by its way for input; Colab waits 10 seconds.
    """

    place = N_("Colab's secrets")

    def __init__(self, in_page: Callable[[], bool], load: Load = import_module) -> None:
        self._in_page = in_page
        self._load = load

    def find(self, variable: str) -> str | None:
        """The key; None where there is none, or nobody in the page. Raises as `KeyStore.find`."""
        if not self._in_page():
            return None
        try:
            return str(self._load("google.colab.userdata").get(variable))
        except Exception as error:  # its kinds are told apart by name: their module is Colab's
            kind = type(error).__name__
        if kind == "SecretNotFoundError":
            return None
        if kind == "NotebookAccessError":
            raise ConfigError(
                f"Colab's secret {variable} is closed to this notebook: open it at the key symbol, then say %luma "
                "doctor."
            )
        if kind == "TimeoutException":
            raise TimeoutError(N_("Colab's page did not answer, so its secrets are unknown; %luma doctor asks again."))
        raise ConfigError(f"Colab's secrets could not be read ({kind}): set {variable} in the environment.")


class KaggleSecrets:
    """The secrets that were attached to a Kaggle notebook."""

    place = N_("Kaggle's secrets")

    def __init__(self, load: Load = import_module) -> None:
        self._load = load

    def find(self, variable: str) -> str | None:
        """The key; None where there is none, or no Kaggle. Raises as `KeyStore.find`."""
        if "KAGGLE_KERNEL_RUN_TYPE" not in os.environ:
            return None
        try:
            return _answer(lambda: self._find(variable), READ_SECONDS)
        except TimeoutError:
            raise TimeoutError(
                N_("Kaggle did not answer, so its secrets are unknown; %luma doctor asks again.")
            ) from None
        except _Refusal as refusal:
            kind = str(refusal)
        if kind == "BackendError":  # no secret of this name is attached
            return None
        raise ConfigError(f"Kaggle's secrets could not be read ({kind}): set {variable} in the environment.")

    def _find(self, variable: str) -> str:
        return str(self._load("kaggle_secrets").UserSecretsClient().get_secret(variable))


class Keyring:
    """The keyring of the system, by the package ``keyring``: macOS's keychain, Windows' credentials, a Linux desktop's.

    Backends that keep keys in plain files are not used.
    """

    place = N_("the system's keyring")

    def __init__(self, load: Load = import_module) -> None:
        self._load = load
        self._changing = threading.Lock()

    def find(self, variable: str) -> str | None:
        """The key; None where there is none, or no keyring to use. Raises as `KeyStore.find`."""
        try:
            return _answer(lambda: self._find(variable), READ_SECONDS)
        except TimeoutError:
            raise TimeoutError(
                N_("The system's keyring did not answer (is it locked?): unlock it, then say %luma doctor.")
            ) from None
        except _Refusal as refusal:
            kind = str(refusal)
        raise ConfigError(f"The system's keyring could not be read ({kind}): unlock it, then say %luma doctor.")

    def keep(self, variable: str, key: Secret) -> None:
        """Keep a key for all kernels of this user. Raises ConfigError where there is no place that is safe."""
        self._change(lambda backends: backends[0].set_password(KEYRING_SERVICE, variable, key.reveal()), variable)

    def remove(self, variable: str) -> bool:
        """Forget a key, wherever the keyring has it; False where there was none. Raises ConfigError."""
        try:
            if self.find(variable) is None:
                return False
        except TimeoutError:
            raise ConfigError(
                "The system's keyring did not answer (is it locked?): unlock it, and try again."
            ) from None
        self._change(lambda backends: _delete(variable, backends), variable)
        return True

    def _change(self, change: Callable[[list[Any]], None], variable: str) -> None:
        try:
            _answer(lambda: self._change_safe(change), WRITE_SECONDS, self._changing)
        except TimeoutError:
            why = N_("The system's keyring did not answer: unlock it, and try again.")
        except _Refusal as refusal:
            why = N_(f"The system's keyring could not be changed ({refusal}).")
            if str(refusal) == _NotInstalled.__name__:
                why = N_("A keyring needs a package: pip install 'luma-jupyter[keyring]'.")
            elif str(refusal) == _NotSafe.__name__:
                why = N_("Here is no keyring that would keep a key safe, only one of plain files, or none at all.")
        else:
            return
        other = N_(f"Or set {variable} in the environment; in Colab and Kaggle, put it among the notebook's secrets.")
        raise ConfigError(f"{why} {other}")

    def _find(self, variable: str) -> str | None:
        try:
            backends = self._backends()
        except _NotInstalled:
            return None
        return next(filter(None, (backend.get_password(KEYRING_SERVICE, variable) for backend in backends)), None)

    def _change_safe(self, change: Callable[[list[Any]], None]) -> None:
        backends = self._backends()
        if not backends:
            raise _NotSafe
        change(backends)

    def _backends(self) -> list[Any]:
        """The backends that are safe, the best one first; where there are several, the library's own is a chain."""
        try:
            chosen = self._load("keyring").get_keyring()
        except ModuleNotFoundError:
            raise _NotInstalled from None
        return [backend for backend in getattr(chosen, "backends", [chosen]) if not _is_refused(backend)]


def _delete(variable: str, backends: list[Any]) -> None:
    """Take a key out of all backends that have it."""
    for backend in backends:
        if backend.get_password(KEYRING_SERVICE, variable):
            backend.delete_password(KEYRING_SERVICE, variable)


def _is_refused(backend: object) -> bool:
    return any(kind.__module__.startswith(_REFUSED) for kind in type(backend).__mro__)


class _NotInstalled(Exception):
    """The package ``keyring`` is not there."""


class _NotSafe(Exception):
    """No backend keeps a key safe."""


class _Refusal(Exception):
    """A store raised an error, of which this is the kind."""


def _answer(question: Callable[[], T], seconds: float, turn: AbstractContextManager[object] | None = None) -> T:
    """The answer to a question, asked in a thread of its own in its ``turn``; not asked once that was given up.

    Raises TimeoutError, or _Refusal with an error's kind.
    """
    answer: Future[T] = Future()

    def ask() -> None:
        with turn or nullcontext():
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(question())
            except Exception as error:  # a store raises what it likes
                answer.set_exception(_Refusal(type(error).__name__))

    threading.Thread(target=ask, name="luma_jupyter keys", daemon=True).start()
    try:
        return answer.result(seconds)
    finally:
        answer.cancel()
