"""``%luma login`` and ``%luma logout``: a key is asked for, kept in the system's keyring, and never shown."""

from __future__ import annotations

import getpass
from collections.abc import Callable

import pytest
from IPython.core.error import StdinNotImplementedError

from luma_jupyter.api.kernel import kernel
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError, NotConfirmed
from luma_jupyter.keystores import Keyring
from luma_jupyter.settings import variable
from tests.support import settings
from tests.support.key_stores import Backend, Store, backend_of, keyring_with
from tests.support.notebook import PromptService, Shell

KEY = "ace-typed-77d0"


@pytest.fixture
def backend(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """The system's keyring, which is all that the kernel has of keys."""
    settings.configure(acedata_token=None, acedata_platform_token=None, runapi_key=None)
    backend = backend_of("keyring.backends.SecretService")
    monkeypatch.setattr(kernel, "keyring", Keyring(keyring_with(backend)))
    monkeypatch.setattr(kernel, "key_stores", lambda: [kernel.keyring])
    return backend


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """A function that says what is typed where nobody sees it; its list collects the questions."""

    def types(text: str) -> list[str]:
        questions: list[str] = []

        def reply(question: str = "") -> str:
            questions.append(question)
            return text

        monkeypatch.setattr(getpass, "getpass", reply)
        return questions

    return types


@pytest.mark.parametrize(
    ("word", "variable"),
    [
        ("acedata", "ACEDATACLOUD_API_TOKEN"),
        ("acedata_platform", "ACEDATACLOUD_PLATFORM_TOKEN"),
        ("runapi", "RUNAPI_API_KEY"),
    ],
)
def test_login_keeps_a_key_and_logout_forgets_it(
    notebook: Shell,
    backend: Backend,
    typed: Callable[[str], list[str]],
    capsys: pytest.CaptureFixture[str],
    word: str,
    variable: str,
) -> None:
    """Each key by its word; what is printed says where it is, what follows from it, and nothing of the key."""
    questions = typed(f" {KEY}\n")
    notebook.run(f"%luma login {word}")
    assert questions == [f"{variable} (what you type is not shown): "]
    assert backend.passwords == {("luma_jupyter", variable): KEY}
    assert list(settings.current().found_keys.values()) == ["the system's keyring"]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == (
        f"{variable} is kept in the system's keyring, for all your notebooks. %luma logout {word} takes it out again."
    )
    paid = word != "acedata_platform"
    assert printed[1:] == (["Videos made with it cost money; with --provider demo they are free."] if paid else [])
    notebook.run(f"%luma logout {word}")
    assert backend.passwords == {}
    assert settings.current().key_places == {}
    notebook.run(f"%luma logout {word}")
    assert capsys.readouterr().out.splitlines() == [
        f"{variable} is taken out of the system's keyring.",
        f"{variable} is not in the system's keyring.",
    ]


def test_login_is_the_word_for_this_kernel_and_the_next_one_asks(
    notebook: Shell,
    service: PromptService,
    backend: Backend,
    typed: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever has just typed the key need not be asked; who opens a notebook tomorrow is."""
    typed(KEY)
    questions: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or "y")
    notebook.run("%luma login acedata")
    notebook.run("%%luma --wait\nA sunset")
    assert questions == []
    assert service.seen("submit")[0].request.headers["Authorization"] == f"Bearer {KEY}"
    notebook.restart()
    notebook.run("%%luma --wait\nA dawn")
    assert [question.split(":")[0] for question in questions] == [
        "A key of AceDataCloud was found in the system's keyring"
    ]


def test_login_says_that_another_key_comes_first(
    notebook: Shell,
    backend: Backend,
    typed: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A key in the environment goes on being used, before and after."""
    typed(KEY)
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", "ace-environment")
    notebook.run("%luma login acedata")
    assert capsys.readouterr().out.splitlines()[1] == "The key from the environment is used first."
    notebook.run("%luma logout acedata")
    assert capsys.readouterr().out.splitlines()[1] == "The key from the environment is still used."
    assert settings.current().key_places == {"acedata_token": "the environment"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("login", "Say which: %luma login acedata or acedata_platform or runapi."),
        ("login luma", "Say which: %luma login acedata or acedata_platform or runapi."),
        ("logout", "Say which: %luma logout acedata or acedata_platform or runapi."),
        (f"login {KEY}", "Say which: %luma login acedata or acedata_platform or runapi."),
        (f"login acedata {KEY}", "delete it: notebooks are saved."),
        *[
            (line, "delete it: notebooks are saved.")
            for line in (
                f"login acedata --key={KEY}",
                f"login --{KEY}",
                f"logout --key={KEY}",
                f"Login acedata {KEY}",
                f"logn acedata {KEY}",
                f"login={KEY}",
            )
        ],
    ],
)
def test_login_line_that_is_wrong_is_not_quoted(
    notebook: Shell, backend: Backend, typed: Callable[[str], list[str]], line: str, words: str
) -> None:
    """It may have the key in it, which is then neither kept nor shown."""
    questions = typed(KEY)
    with pytest.raises(InvalidRequest) as caught:
        notebook.run(f"%luma {line}")
    assert str(caught.value).endswith(words)
    assert KEY not in str(caught.value)
    assert (questions, backend.passwords) == ([], {})


@pytest.mark.parametrize(
    ("text", "words"),
    [(" ", "Nothing was typed, so nothing is kept"), ("a b", "ACEDATACLOUD_API_TOKEN has characters that no key has")],
)
def test_login_with_what_is_no_key_keeps_nothing(
    notebook: Shell, backend: Backend, typed: Callable[[str], list[str]], text: str, words: str
) -> None:
    """An empty line, as after an interrupt, and a key with a space in it."""
    typed(text)
    with pytest.raises(LumaError, match=words):
        notebook.run("%luma login acedata")
    assert backend.passwords == {}


def test_login_where_nobody_can_be_asked_names_the_variable(
    notebook: Shell, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run without a person cannot type."""

    def refuse(question: str) -> str:
        raise StdinNotImplementedError

    monkeypatch.setattr(getpass, "getpass", refuse)
    with pytest.raises(InvalidRequest, match="Nobody can be asked here: set RUNAPI_API_KEY in the environment"):
        notebook.run("%luma login runapi")
    assert backend.passwords == {}


def test_login_without_a_safe_keyring_uses_the_key_nowhere(
    notebook: Shell, typed: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be kept is not used in this kernel either, so the error says all."""
    settings.configure(acedata_token=None)
    monkeypatch.setattr(kernel, "keyring", Keyring(keyring_with(backend_of("keyrings.alt.file"))))
    typed(KEY)
    with pytest.raises(ConfigError, match="no keyring that would keep a key safe"):
        notebook.run("%luma login acedata")
    assert "acedata_token" not in settings.current().key_places


@pytest.fixture
def colab(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store that is looked into before the keyring."""
    store = Store("Colab's secrets")
    monkeypatch.setattr(kernel, "key_stores", lambda: [store, kernel.keyring])
    return store


def refuse(question: str) -> str:
    """What a run without a person does with a question."""
    raise StdinNotImplementedError


@pytest.mark.parametrize(("word", "other"), [("acedata_platform", "acedata_token"), ("runapi", "acedata_token")])
def test_login_is_no_word_for_other_keys(
    notebook: Shell,
    service: PromptService,
    colab: Store,
    typed: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
    word: str,
    other: str,
) -> None:
    """Who typed one key has said nothing of those that lie elsewhere."""
    colab.keys[variable(other)] = "ace-in-colab"
    typed(KEY)
    monkeypatch.setattr("builtins.input", refuse)
    notebook.run(f"%luma login {word}")
    with pytest.raises(NotConfirmed):
        notebook.run("%%luma --wait\nA sunset")
    assert service.sent == []


def test_key_that_was_typed_is_used_though_another_store_has_one(
    notebook: Shell, service: PromptService, colab: Store, typed: Callable[[str], list[str]]
) -> None:
    """The word was for this very key."""
    colab.keys["ACEDATACLOUD_API_TOKEN"] = "ace-in-colab"
    typed(KEY)
    notebook.run("%luma login acedata")
    notebook.run("%%luma --wait\nA sunset")
    assert service.seen("submit")[0].request.headers["Authorization"] == f"Bearer {KEY}"


def test_logout_leaves_the_key_of_another_store(
    notebook: Shell, colab: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is still used, and that is said."""
    colab.keys["ACEDATACLOUD_API_TOKEN"] = "ace-in-colab"
    notebook.run("%%luma --dry-run\nA sunset")
    capsys.readouterr()
    notebook.run("%luma logout acedata")
    assert capsys.readouterr().out.splitlines() == [
        "ACEDATACLOUD_API_TOKEN is not in the system's keyring.",
        "The key from Colab's secrets is still used.",
    ]
    notebook.run("%%luma --dry-run\nA sunset")
    assert "would go to acedata" in capsys.readouterr().out


def test_key_found_after_logout_is_asked_about(
    notebook: Shell,
    service: PromptService,
    colab: Store,
    typed: Callable[[str], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is silently simulated, and the word for the key that was typed is no word for the next one."""
    typed(KEY)
    notebook.run("%luma login acedata")
    colab.keys["ACEDATACLOUD_API_TOKEN"] = "ace-in-colab"
    notebook.run("%luma logout acedata")
    monkeypatch.setattr("builtins.input", refuse)
    with pytest.raises(NotConfirmed, match="was found in Colab's secrets"):
        notebook.run("%%luma --wait\nA sunset")
    assert service.sent == []
