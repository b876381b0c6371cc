"""Where hosts keep keys: what each answers, what it says where it cannot, and that nothing of a key is passed on."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from luma_jupyter import keystores
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConfigError
from luma_jupyter.keystores import ColabSecrets, KaggleSecrets, Keyring
from luma_jupyter.settings import KeyStore
from tests.support.key_stores import Backend, Colab, Kaggle, LockedBackend, backend_of, keyring_with

NAME = "ACEDATACLOUD_API_TOKEN"
KEY = "ace-found-5c1e"
SAFE = "keyring.backends.SecretService"


def failing(error: Exception) -> Callable[[str], object]:
    """A module that cannot be imported."""

    def load(name: str) -> object:
        raise error

    return load


# Colab


def test_colab_secret_is_found_only_where_somebody_sits_in_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere Colab is not even asked: it would wait for a page that is not there."""
    colab = Colab(monkeypatch, **{NAME: KEY})
    assert ColabSecrets(lambda: False).find(NAME) is None
    assert colab.asked == []
    assert ColabSecrets(lambda: True).find(NAME) == KEY


@pytest.mark.parametrize(
    ("error", "raised", "words"),
    [
        ("NotebookAccessError", ConfigError, f"{NAME} is closed to this notebook: open it at the key symbol"),
        ("TimeoutException", TimeoutError, "Colab's page did not answer"),
        ("MessageError", ConfigError, r"could not be read \(MessageError\): set ACEDATACLOUD_API_TOKEN in the env"),
    ],
)
def test_colab_that_refuses_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, error: str, raised: type[Exception], words: str
) -> None:
    """Each of Colab's documented errors, and any other, is one sentence; none is passed on."""
    Colab(monkeypatch, **{NAME: error})
    with pytest.raises(raised, match=words) as caught:
        ColabSecrets(lambda: True).find(NAME)
    assert caught.value.__context__ is None


def test_colab_secret_that_there_is_not_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """SecretNotFoundError is the ordinary case."""
    Colab(monkeypatch)
    assert ColabSecrets(lambda: True).find(NAME) is None


# Kaggle


def test_kaggle_secret_is_found_on_kaggle_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere its module is not imported; a secret that is not attached is none."""
    assert KaggleSecrets(failing(AssertionError())).find(NAME) is None
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert KaggleSecrets(Kaggle(**{NAME: KEY}).load).find(NAME) == KEY
    assert KaggleSecrets(Kaggle().load).find(NAME) is None


def test_kaggle_that_cannot_be_asked_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without internet, without its module, and where it never answers."""
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    with pytest.raises(ConfigError, match=r"could not be read \(ConnectionError\): set ACEDATACLOUD_API_TOKEN"):
        KaggleSecrets(Kaggle(**{NAME: "ConnectionError"}).load).find(NAME)
    with pytest.raises(ConfigError, match=r"\(ModuleNotFoundError\)"):
        KaggleSecrets(failing(ModuleNotFoundError())).find(NAME)
    monkeypatch.setattr(keystores, "READ_SECONDS", 0.0)
    locked = LockedBackend()
    with pytest.raises(TimeoutError, match="Kaggle did not answer"):
        KaggleSecrets(lambda name: locked.closed.wait(60)).find(NAME)
    locked.closed.set()


# The system's keyring


@pytest.mark.parametrize("backends", [[SAFE], ["keyrings.alt.file", SAFE], [SAFE, "keyring.backends.fail"]])
def test_keyring_keeps_finds_and_removes_a_key(backends: list[str]) -> None:
    """Under the variable's name, in the first backend that is safe, and in no other."""
    made = [backend_of(module) for module in backends]
    keyring = Keyring(keyring_with(*made))
    assert keyring.find(NAME) is None
    keyring.keep(NAME, Secret(KEY))
    assert keyring.find(NAME) == KEY
    assert [backend.passwords for backend in made if type(backend).__module__ == SAFE] == [
        {("luma_jupyter", NAME): KEY}
    ]
    assert not [backend for backend in made if type(backend).__module__ != SAFE and backend.passwords]
    assert keyring.remove(NAME)
    assert not keyring.remove(NAME)
    assert keyring.find(NAME) is None


def test_key_is_removed_from_every_backend_that_has_it() -> None:
    """A key that another program put into a later backend is found there, so it is taken out there."""
    first, second, third = (backend_of(SAFE) for _ in range(3))
    for backend in (second, third):
        backend.set_password("luma_jupyter", NAME, KEY)
    keyring = Keyring(keyring_with(first, second, third))
    assert keyring.remove(NAME)
    assert (keyring.find(NAME), second.passwords, third.passwords) == (None, {}, {})


@pytest.mark.parametrize("module", ["keyrings.alt.file", "keyring.backends.null", "keyring.backends.fail"])
def test_keyring_that_keeps_no_key_safe_is_refused(module: str) -> None:
    """Plain files are neither written nor read; the error says what to do instead."""
    backend = backend_of(module)
    keyring = Keyring(keyring_with(backend))
    with pytest.raises(ConfigError, match=r"no keyring that would keep a key safe.*Or set ACEDATACLOUD_API_TOKEN"):
        keyring.keep(NAME, Secret(KEY))
    assert backend.passwords == {}
    backend.set_password("luma_jupyter", NAME, KEY)
    assert keyring.find(NAME) is None


def test_keyring_made_from_a_plain_one_is_refused() -> None:
    """A class of another name that is a plain one by its parents is none the safer."""
    kind = type("Mine", (type(backend_of("keyrings.alt.file")),), {"__module__": "mine"})
    with pytest.raises(ConfigError, match="no keyring that would keep a key safe"):
        Keyring(keyring_with(kind())).keep(NAME, Secret(KEY))


def test_real_librarys_null_backend_is_refused() -> None:
    """The package itself, as tests have it: with a backend that keeps nothing."""
    assert Keyring().find(NAME) is None
    with pytest.raises(ConfigError, match="no keyring that would keep a key safe"):
        Keyring().keep(NAME, Secret(KEY))


def test_keyring_that_is_not_installed_is_no_trouble_until_it_is_wanted() -> None:
    """Then the error names the extra."""
    keyring = Keyring(keyring_with())
    assert keyring.find(NAME) is None
    with pytest.raises(ConfigError, match=r"pip install 'luma-jupyter\[keyring\]'"):
        keyring.keep(NAME, Secret(KEY))


def test_locked_keyring_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyring that waits for somebody is left alone after a while, and the words say to unlock it."""
    monkeypatch.setattr(keystores, "READ_SECONDS", 0.0)
    monkeypatch.setattr(keystores, "WRITE_SECONDS", 0.0)
    backend = LockedBackend()
    keyring = Keyring(keyring_with(backend))
    with pytest.raises(TimeoutError, match=r"did not answer \(is it locked\?\): unlock it, then say %luma doctor"):
        keyring.find(NAME)
    with pytest.raises(ConfigError, match="did not answer: unlock it, and try again"):
        keyring.keep(NAME, Secret(KEY))
    with pytest.raises(ConfigError, match=r"did not answer \(is it locked\?\): unlock it, and try again"):
        keyring.remove(NAME)
    backend.closed.set()


class SlowlyUnlocked(Backend):
    """A backend that waits with the first key until it is unlocked; ``kept`` are all keys, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.unlocked = threading.Event(), threading.Event()
        self.kept: list[str] = []

    def set_password(self, service: str, name: str, password: str) -> None:
        if not self.asked.is_set():
            self.asked.set()
            self.unlocked.wait(60)
        super().set_password(service, name, password)
        self.kept.append(password)


def test_key_that_was_given_last_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A locked keyring that takes an earlier key only after it was asked again takes the later one after that; a key of
    which it was said that it did not answer, before it was even asked, is never kept."""
    backend = SlowlyUnlocked()
    keyring = Keyring(keyring_with(backend))
    logins = [threading.Thread(target=keyring.keep, args=(NAME, Secret(key))) for key in ("first", "last")]
    logins[0].start()
    assert backend.asked.wait(60)
    with monkeypatch.context() as impatient:
        impatient.setattr(keystores, "WRITE_SECONDS", 0.0)
        with pytest.raises(ConfigError, match="unlock it, and try again"):
            keyring.keep(NAME, Secret("given up"))
    logins[1].start()
    backend.unlocked.set()
    for thread in [*logins, *(one for one in threading.enumerate() if one.name == "luma_jupyter keys")]:
        thread.join(60)
    assert (backend.kept, keyring.find(NAME)) == (["first", "last"], "last")


class Talkative(Backend):
    """A backend whose errors quote the key."""

    def get_password(self, service: str, name: str) -> str | None:
        raise RuntimeError(f"{name} is {KEY}")

    def set_password(self, service: str, name: str, password: str) -> None:
        raise RuntimeError(f"cannot keep {password}")


def test_keyring_that_has_the_key_is_enough() -> None:
    """Backends after it in the chain are not asked, whatever they would do."""
    first = backend_of(SAFE)
    first.set_password("luma_jupyter", NAME, KEY)
    assert Keyring(keyring_with(first, Talkative())).find(NAME) == KEY


def test_error_of_a_keyring_is_passed_on_by_its_kind_alone() -> None:
    """Its words, its traceback and its variables could hold the key."""
    keyring = Keyring(keyring_with(Talkative()))
    with pytest.raises(ConfigError, match=r"could not be read \(RuntimeError\)") as reading:
        keyring.find(NAME)
    with pytest.raises(ConfigError, match=r"could not be changed \(RuntimeError\)") as writing:
        keyring.keep(NAME, Secret(KEY))
    assert KEY not in f"{reading.value!r}{reading.value.__context__!r}{writing.value!r}{writing.value.__context__!r}"


def test_each_store_is_one() -> None:
    """The three are what the configuration asks."""
    stores: list[KeyStore] = [ColabSecrets(lambda: False), KaggleSecrets(), Keyring()]
    assert [store.place for store in stores] == ["Colab's secrets", "Kaggle's secrets", "the system's keyring"]
