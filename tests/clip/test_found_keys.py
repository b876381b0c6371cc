"""A key that a host keeps: when it is looked for, and that it makes nothing paid before somebody has agreed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest
from IPython.core.error import StdinNotImplementedError

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.errors import ConfigError, NotConfirmed
from tests.support import settings
from tests.support.key_stores import Store
from tests.support.notebook import PromptService, Shell, leave_running, leave_unconfirmed
from tests.support.waiting import until

Printed = pytest.CaptureFixture[str]
Keep: TypeAlias = Callable[..., Store]
ASKED = (
    "A key of AceDataCloud was found in a store: this costs money, and so does all that you make after it in this "
    "kernel. Send it? [y/N] "
)


@pytest.fixture
def keep(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> Keep:
    """A function that takes the kernel's keys away, and puts others into a store."""

    def keep(**keys: str | Exception) -> Store:
        store = Store(**keys)
        monkeypatch.setattr(kernel, "key_stores", lambda: [store])
        settings.configure(acedata_token=None, acedata_platform_token=None, runapi_key=None)
        return store

    return keep


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions, each answered with a yes."""
    questions: list[str] = []

    def reply(question: str) -> str:
        questions.append(question)
        return "y"

    monkeypatch.setattr("builtins.input", reply)
    return questions


def refuse(question: str) -> str:
    """What a run without a person does with a question."""
    raise StdinNotImplementedError


# When it is looked for


def test_key_is_looked_for_when_a_call_needs_it_and_once(notebook: Shell, keep: Keep, asked: list[str]) -> None:
    """Loading the extension, a simulated call and what only shows things need none; later calls find it known."""
    store = keep(acedata_token="ace-found")
    notebook.ip.run_line_magic("reload_ext", "luma_jupyter")
    notebook.run("%luma status")
    notebook.run("%%luma --provider demo --dry-run\nA sunset")
    assert store.asked == []
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma extend sunset --wait\nA dawn")
    assert store.asked == ["ACEDATACLOUD_API_TOKEN", "ACEDATACLOUD_PLATFORM_TOKEN"]


def test_key_is_not_looked_for_while_loading_what_is_unconfirmed(
    notebook: Shell, service: PromptService, keep: Keep
) -> None:
    """%load_ext asks services what became of lost answers, but opens no keyring for that."""
    leave_unconfirmed(notebook, "%%luma -o lost\nA [lost] sunset")
    store = keep(acedata_token="ace-found")
    looks = len(service.all_seen)
    notebook.restart()
    assert (store.asked, len(service.all_seen)) == ([], looks)


def test_given_keys_come_first_and_are_not_looked_for(
    notebook: Shell, keep: Keep, monkeypatch: pytest.MonkeyPatch, service: PromptService
) -> None:
    """The environment and `configure` have the first word, and nobody is asked about what they pay."""
    store = keep(acedata_token="ace-found", acedata_platform_token="platform-found")
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", "ace-environment")
    settings.configure(acedata_platform_token="platform-configured")
    monkeypatch.setattr("builtins.input", refuse)
    notebook.run("%%luma --wait\nA sunset")
    assert store.asked == []
    assert service.seen("submit")[0].request.headers["Authorization"] == "Bearer ace-environment"


def test_key_found_for_another_service_means_that_nothing_is_simulated(keep: Keep) -> None:
    """As with a key in the environment: the missing one is an error, never silently a simulation."""
    store = keep(runapi_key="run-found")
    with pytest.raises(ConfigError, match="generate needs a key of AceDataCloud"):
        luma.generate("A sunset")
    assert store.asked[-1] == "RUNAPI_API_KEY"


@pytest.mark.parametrize("error", [ConfigError("Open the secret."), TimeoutError("Unlock the keyring.")])
def test_store_that_cannot_be_read_is_told_once(notebook: Shell, keep: Keep, capsys: Printed, error: Exception) -> None:
    """The words say what to do; a place that does not answer is not asked for the other keys either."""
    store = keep(acedata_token=error)
    for _ in range(2):
        notebook.run("%%luma --dry-run\nA sunset")
    assert capsys.readouterr().out.count(f"luma_jupyter: {error}\n") == 1
    assert len(store.asked) == (1 if isinstance(error, TimeoutError) else 3)


def test_key_that_can_be_none_is_told_by_its_place_and_not_quoted(notebook: Shell, keep: Keep, capsys: Printed) -> None:
    """A badly copied key in a store is one line that names both, without the key."""
    keep(acedata_token="ace found")
    notebook.run("%%luma --dry-run\nA sunset")
    printed = capsys.readouterr().out
    assert "ACEDATACLOUD_API_TOKEN in a store has characters that no key has" in printed
    assert "ace found" not in printed


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("resume", "Bearer ace-found"),
        ("retry sunset", "Bearer ace-found"),
        ("price", None),
        ("balance", "Bearer platform-found"),
        ("account", "Bearer ace-found"),
        ("adopt task-1", "Bearer ace-found"),
    ],
)
def test_every_word_that_needs_a_key_looks_for_it(
    notebook: Shell, service: PromptService, keep: Keep, line: str, key: str | None
) -> None:
    """What an earlier kernel left is followed again with a key that is found, and so are questions about money."""
    leave_running(notebook, service, "%%luma -o sunset\nA sunset")
    store = keep(acedata_token="ace-found", acedata_platform_token="platform-found", runapi_key="run-found")
    notebook.user_ns["sunset"] = luma.clips()[0]
    before = len(service.all_seen)
    notebook.run(f"%luma {line}")
    assert "ACEDATACLOUD_API_TOKEN" in store.asked
    until(lambda: key in [seen.key for seen in service.all_seen[before:]])
    assert "Bearer ace-secret" not in [seen.key for seen in service.all_seen[before:]]
    assert {seen.request.headers.get("Authorization") for seen in service.seen("submit")} == {"Bearer ace-secret"}


# What it pays for


def test_first_paid_call_is_asked_about_once_a_kernel(
    notebook: Shell, service: PromptService, keep: Keep, asked: list[str]
) -> None:
    """The question comes before anything is sent; after a yes there is none in this kernel, and one in the next."""
    keep(acedata_token="ace-found", runapi_key="run-found")
    notebook.run("%%luma -o sunset --wait\nA sunset")
    luma.generate("A dawn").modify("Foggy").wait()
    assert asked == [ASKED]
    assert len(service.sent) == 3
    notebook.restart()
    notebook.run("%%luma --wait\nA sunset")
    assert asked == [ASKED], "what was made before costs nothing"
    notebook.run("%%luma --wait\nA noon")
    assert asked == [ASKED, ASKED]


@pytest.mark.parametrize("answer", ["", "n", "ok"])
def test_any_other_answer_sends_nothing(
    notebook: Shell, service: PromptService, keep: Keep, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    """Neither one video nor a batch; and the next call asks again."""
    keep(acedata_token="ace-found")
    questions: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or answer)
    for cell in ("%%luma\nA sunset", "%%luma --takes 2\nA dawn"):
        with pytest.raises(NotConfirmed, match=r"^Nothing was sent: the answer was not yes\. --provider demo is"):
            notebook.run(cell)
    assert (len(questions), service.sent) == (2, [])


def test_where_nobody_can_be_asked_nothing_is_paid_unasked(
    notebook: Shell, service: PromptService, keep: Keep, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """A run without a person sends nothing, and says how to say yes beforehand; each of these ways then works."""
    keep(acedata_token="ace-found")
    monkeypatch.setattr("builtins.input", refuse)
    with pytest.raises(NotConfirmed) as caught:
        luma.generate("A sunset")
    assert str(caught.value) == (
        "Nothing was sent. A key of AceDataCloud was found in a store: this costs money, and nobody can be asked here: "
        "set ACEDATACLOUD_API_TOKEN in the environment of such runs, or name the service with --provider acedata; "
        "--provider demo is free."
    )
    assert service.sent == []
    luma.generate("A sunset", provider="acedata").wait()
    assert len(service.sent) == 1
    capsys.readouterr()
    notebook.run("%%luma --yes --wait\nA dawn")
    assert len(service.sent) == 2
    assert capsys.readouterr().out == "luma_jupyter: A key of AceDataCloud was found in a store: this costs money.\n"


def test_setting_that_names_the_service_is_a_word(
    notebook: Shell, service: PromptService, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """provider=acedata is no "auto": it says what is wanted; --provider auto is one again."""
    keep(acedata_token="ace-found")
    monkeypatch.setattr("builtins.input", refuse)
    settings.configure(provider="acedata")
    notebook.run("%%luma --wait\nA sunset")
    assert len(service.sent) == 1
    with pytest.raises(NotConfirmed):
        notebook.run("%%luma --provider auto\nA dawn")


LOST_GENERATE = "%%luma -o lost\nA [lost] sunset"
LOST_MODIFY = "%%luma modify https://example.com/v.mp4 -o lost\nA [lost] sunset"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (LOST_MODIFY, "RunAPI was found in a store: this costs money, and nobody can be asked here: set RUNAPI"),
        (LOST_GENERATE, "AceDataCloud was found in a store: this costs money, and nobody"),
    ],
)
def test_retry_that_sends_again_is_asked_about(
    notebook: Shell, service: PromptService, keep: Keep, monkeypatch: pytest.MonkeyPatch, cell: str, words: str
) -> None:
    """An unconfirmed clip was paid with a key that was given, if at all; another one pays after a yes alone."""
    leave_unconfirmed(notebook, cell)
    keep(acedata_token="ace-found", runapi_key="run-found")
    sent = len(service.sent)
    monkeypatch.setattr("builtins.input", refuse)
    with pytest.raises(NotConfirmed, match=words) as caught:
        notebook.run("%luma retry lost --may-pay-twice")
    assert str(caught.value).endswith("in the environment of such runs.")
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(NotConfirmed, match=r"^Nothing was sent: the answer was not yes\.$"):
        notebook.run("%luma retry lost --may-pay-twice")
    assert len(service.sent) == sent
    questions: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or "y")
    for _ in range(2):
        notebook.run("%luma retry lost --may-pay-twice")
        notebook.user_ns["lost"].handle.done.result(timeout=10)
    assert [question.split(":")[1] for question in questions] == [
        " this costs money, and so does all that you make after it in this kernel. Send it? [y/N] "
    ]
    assert len(service.sent) == sent + 2


def test_retry_that_only_looks_is_not_asked_about(
    notebook: Shell, service: PromptService, keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AceDataCloud is asked what became of the request, which costs nothing."""
    leave_unconfirmed(notebook, LOST_GENERATE)
    keep(acedata_token="ace-found")
    monkeypatch.setattr("builtins.input", refuse)
    sent, looks = len(service.sent), len(service.all_seen)
    notebook.run("%luma retry lost")
    notebook.user_ns["lost"].handle.done.result(timeout=10)
    assert len(service.sent) == sent
    assert len(service.all_seen) > looks


def test_price_is_told_with_all_keys_that_are_found(notebook: Shell, keep: Keep, capsys: Printed) -> None:
    """The first line is as the last: it knows what the next cell pays with."""
    keep(acedata_token="ace-found", runapi_key="run-found")
    notebook.run("%luma price")
    first = capsys.readouterr().out
    assert [line.split()[:2] for line in first.splitlines()[:3]] == [
        ["generate", "acedata"],
        ["extend", "acedata"],
        ["modify", "runapi"],
    ]
