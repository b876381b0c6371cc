"""Stand-ins for where hosts keep keys: Colab's module, Kaggle's, and the package ``keyring`` with its backends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from luma_jupyter.settings import variable

MANAGER = "https://colab.example/manager.min.js"


class Store:
    """A store with some keys by their settings' names; ``asked`` are the variables that it was asked for.

    A value that is an exception is raised.
    """

    def __init__(self, place: str = "a store", **keys: str | Exception) -> None:
        self.place = place
        self.keys = {variable(name): key for name, key in keys.items()}
        self.asked: list[str] = []

    def find(self, variable: str) -> str | None:
        self.asked.append(variable)
        key = self.keys.get(variable)
        if isinstance(key, Exception):
            raise key
        return key


class Colab:
    """The module ``google.colab`` with its documented calls, as `monkeypatch` puts it among the modules.

    ``secrets`` by name: an exception's name is raised as Colab raises it. ``manager``: how often its widget manager was
    asked for; ``mounted`` and ``downloaded`` are the paths that it was called with.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **secrets: str) -> None:
        self.secrets = secrets
        self.asked: list[str] = []
        self.manager = 0
        self.mounted: list[str] = []
        self.downloaded: list[str] = []
        output = _module(
            "google.colab.output",
            enable_custom_widget_manager=self._enable,
            _widgets=SimpleNamespace(_installed_url=None),
        )
        self._widgets = output._widgets
        parts = {
            "output": output,
            "userdata": _module("google.colab.userdata", get=self._get),
            "drive": _module("google.colab.drive", mount=self.mounted.append),
            "files": _module("google.colab.files", download=self.downloaded.append),
        }
        colab = _module("google.colab", **parts)
        monkeypatch.setitem(sys.modules, "google", _module("google", colab=colab))
        for module in (colab, *parts.values()):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        # anywidget asks for the manager once a process, and each test is a kernel of its own
        from anywidget import _util

        _util.enable_custom_widget_manager_once.cache_clear()

    def _enable(self) -> None:
        self.manager += 1
        self._widgets._installed_url = MANAGER

    def _get(self, name: str) -> str:
        self.asked.append(name)
        secret = self.secrets.get(name, "SecretNotFoundError")
        if secret.endswith(("Error", "Exception")):
            raise type(secret, (Exception,), {})(f"Secret {name}")
        return secret


class Kaggle:
    """The module ``kaggle_secrets``; ``secrets`` as those of `Colab`."""

    def __init__(self, **secrets: str) -> None:
        self._secrets = secrets

    def load(self, name: str) -> Any:
        assert name == "kaggle_secrets"
        return _module(name, UserSecretsClient=lambda: SimpleNamespace(get_secret=self._get))

    def _get(self, label: str) -> str:
        secret = self._secrets.get(label, "BackendError")
        if secret.endswith("Error"):
            raise type(secret, (Exception,), {})("Unexpected response from the service.")
        return secret


class Backend:
    """A keyring's backend that keeps passwords in a dict, by (service, name)."""

    def __init__(self) -> None:
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.passwords.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self.passwords[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        del self.passwords[service, name]


def backend_of(module: str) -> Backend:
    """A backend whose class is of this module."""
    kind: type[Backend] = type("Keyring", (Backend,), {"__module__": module})
    return kind()


class LockedBackend(Backend):
    """A backend that waits for a person to unlock it, for as long as ``closed`` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = threading.Event()

    def get_password(self, service: str, name: str) -> str | None:
        self.closed.wait(60)
        return super().get_password(service, name)

    def set_password(self, service: str, name: str, password: str) -> None:
        self.closed.wait(60)


def keyring_with(*backends: object) -> Callable[[str], Any]:
    """What imports ``keyring``: with one backend, with a chain of several, or not installed."""

    def load(name: str) -> Any:
        assert name == "keyring"
        if not backends:
            raise ModuleNotFoundError("No module named 'keyring'", name="keyring")
        chosen = backends[0] if len(backends) == 1 else SimpleNamespace(backends=list(backends))
        return SimpleNamespace(get_keyring=lambda: chosen)

    return load


def _module(name: str, **names: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(names)
    return module
