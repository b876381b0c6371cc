"""No key is anywhere after a run in which all went wrong that can: not in files, logs, outputs, errors or pickles.

The run is a user's: cells and words in a shell, the real HTTP client, and services on a real socket that misbehave.
What it leaves is searched for both keys, also for parts of them and for other ways to write them.
"""

from __future__ import annotations

import base64
import getpass
import logging
import math
import pickle
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import ipywidgets
import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.compat import WIDGET_VIEW
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import LumaError
from luma_jupyter.keystores import Keyring
from luma_jupyter.providers.http.client import HttpClient
from tests.support import loops, settings
from tests.support import misbehaving as m
from tests.support.key_stores import Backend, keyring_with
from tests.support.loops import HurriedLoop
from tests.support.notebook import Kernels, Shell, open_shell, wait_for_status

pytestmark = pytest.mark.slow

KEYS = {"AceDataCloud": "ace/7Qz9+vTx4Lk2=Wm8Rb", "RunAPI": "run/3Hn6+yGd1Pc5=Js0Fe"}
PART = 9  # characters of a key in a row that are no coincidence
SPEED = 40.0  # times faster than life; a busy machine must still answer within a time limit


# The checker.


def _base64(key: str) -> Iterator[str]:
    """What all base64 texts have in common that hold the key somewhere."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            yield encode(bytes(offset) + key.encode()).decode()[4 if offset else 0 : -4]


def forms(key: str) -> set[str]:
    """The key's parts, and the whole of it in other ways to write it."""
    parts = {key[i : i + PART] for i in range(len(key) - PART + 1)}
    return {*parts, quote(key), quote(key, safe=""), key.encode().hex(), key[::-1], *_base64(key)}


def keys_in(text: bytes) -> list[str]:
    """Whose keys are in a text, by the services' names; letters count as equal in both cases."""
    found = text.lower()
    return [service for service, key in KEYS.items() if any(form.lower().encode() in found for form in forms(key))]


@dataclass
class Findings:
    """All that a run left, as (what it is, its bytes)."""

    pieces: list[tuple[str, bytes]] = field(default_factory=list)

    def add(self, what: str, thing: object) -> None:
        self.pieces.append((what, thing if isinstance(thing, bytes) else str(thing).encode(errors="surrogateescape")))

    def add_files(self, folder: Path) -> None:
        """Every file's name and content."""
        for path in sorted(folder.rglob("*")):
            self.add("file name", path.relative_to(folder))
            if path.is_file():
                self.add(f"file {path.suffix}", path.read_bytes())

    def add_log(self, records: list[logging.LogRecord]) -> None:
        """Every record, with its arguments and its traceback."""
        for record in records:
            self.add(f"log {record.name.partition('.')[0]}", logging.Formatter().format(record))
            self.add("log arguments", repr(record.args))

    def add_error(self, error: BaseException, seen: set[int] | None = None) -> None:
        """An exception as text, as data, and with all local variables; and so all that led to it."""
        seen = set() if seen is None else seen
        if id(error) in seen:
            return
        seen.add(id(error))
        self.add("error", f"{error!r} {error} {error.args} {vars(error)}")
        self.add("traceback", "".join(traceback.format_exception(error)))
        with_locals = traceback.TracebackException.from_exception(error, capture_locals=True)
        self.add("local variables", "".join(with_locals.format()))
        others = [error.__cause__, error.__context__, *vars(error).values()]
        for other in others:
            if isinstance(other, BaseException):
                self.add_error(other, seen)

    def add_clip(self, clip: Clip) -> None:
        """A clip, all that hangs on it, and its pickle."""
        self.add("clip", f"{clip!r} {clip.handle.task} {clip.state} {clip._repr_html_()}")
        told = clip.explain()
        self.add("explanation", f"{told!r} {told._repr_html_()}")
        if clip.task.status.ended:
            self.add("pickle", pickle.dumps(clip))
        if error := clip.task.error:
            self.add_error(error)

    def add_outputs(self, outputs: list[dict[str, Any]]) -> None:
        """What was displayed, and the widgets in it."""
        self.add("outputs", repr(outputs))
        for view in [output["data"][WIDGET_VIEW] for output in outputs if WIDGET_VIEW in output["data"]]:
            model = ipywidgets.widget_serialization["from_json"](f"IPY_MODEL_{view['model_id']}", None)
            self.add("widget", repr(model.get_state()))

    @property
    def leaks(self) -> list[str]:
        """Where a key was found, and whose."""
        return [f"{what}: {service}" for what, text in self.pieces for service in keys_in(text)]

    @property
    def kinds(self) -> set[str]:
        return {what for what, _ in self.pieces}


@pytest.mark.parametrize("service", KEYS)
@pytest.mark.parametrize(
    "write",
    [
        str,
        str.upper,
        lambda key: key[:PART],
        lambda key: key[-PART:],
        lambda key: key[4 : 4 + PART],
        quote,
        lambda key: quote(key, safe=""),
        lambda key: base64.b64encode(key.encode()).decode(),
        lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
        lambda key: base64.b64encode(f":{key}".encode()).decode(),
        lambda key: base64.urlsafe_b64encode(f"k={key}&x".encode()).decode(),
        lambda key: key.encode().hex(),
        lambda key: repr(key.encode()),
    ],
)
def test_the_checker_knows_a_key_however_it_is_written(service: str, write: Callable[[str], str]) -> None:
    """Whole or in part, quoted, in base64 at any place, in hex; and it finds nothing where nothing is."""
    findings = Findings()
    findings.add("text", f"before {write(KEYS[service])} after")
    assert findings.leaks == [f"text: {service}"]
    assert keys_in(b"before " + KEYS[service][: PART - 1].encode() + b" after") == []


def _raise_with_local(key: str) -> NoReturn:
    raise ValueError("nothing to see")


def _raise_with_context(key: str) -> NoReturn:
    try:
        raise RuntimeError(key)
    except RuntimeError:
        raise ValueError("nothing to see") from None


@pytest.mark.parametrize(
    "channel", ["file", "file name", "log", "log argument", "local", "context", "reason", "pickle"]
)
def test_the_checker_finds_a_key_in_each_place(tmp_path: Path, caplog: pytest.LogCaptureFixture, channel: str) -> None:
    """A key that is planted in any of the places is found there."""
    key, findings = KEYS["RunAPI"], Findings()
    caplog.set_level(logging.DEBUG)
    match channel:
        case "file":
            (tmp_path / "x.sqlite3").write_bytes(b"\0\xff" + key.encode() + b"\0")
        case "file name":
            (tmp_path / key.replace("/", "_")).touch()
        case "log":
            logging.getLogger("httpx").debug("sent with %s", key)
        case "log argument":
            logging.getLogger("httpx").debug("sent with %.0s", key)
        case "local" | "context":
            with pytest.raises(ValueError, match="nothing") as caught:
                {"local": _raise_with_local, "context": _raise_with_context}[channel](key)
            findings.add_error(caught.value)
        case "reason":
            error = LumaError("nothing to see")
            error.reason = LumaError(key)  # type: ignore[attr-defined]
            findings.add_error(error)
        case "pickle":
            findings.add("pickle", pickle.dumps({"key": key}))
    findings.add_files(tmp_path)
    findings.add_log(caplog.records)
    assert {leak.partition(": ")[2] for leak in findings.leaks} == {"RunAPI"}


# The run.


@dataclass
class Run:
    """A user at work: a shell, the services, and all that was found."""

    shell: Shell
    server: m.Server
    findings: Findings = field(default_factory=Findings)
    ends: dict[str, str] = field(default_factory=dict)

    def __call__(self, cell: str) -> BaseException | None:
        """Run a cell, which may fail."""
        result = self.shell.ip.run_cell(cell)
        error = result.error_before_exec or result.error_in_exec
        if error:
            self.findings.add_error(error)
            self.findings.add("shown error", "\n".join(error._render_traceback_()))
        if result.result is not None:
            self.findings.add("result", f"{result.result!r} {getattr(result.result, '_repr_html_', str)()}")
        return error

    def luma(self, name: str, line: str = "", **faults: list[m.Fault | None]) -> None:
        """Make a clip, wait for it, and keep how it ended."""
        for kind, script in faults.items():
            self.server.script(kind, *script)  # type: ignore[arg-type]
        self(f"%%luma {line} -o {name} --wait\nA film of {name}")
        self.ends[name] = self.shell.user_ns[name].status
        self.server.behave()

    def look_around(self) -> None:
        """Take down what is shown, and what hangs on every clip."""
        self.findings.add_outputs(self.shell.displays.outputs)
        for clip in luma.clips(folder="all"):
            self.findings.add_clip(clip)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Both keys are in the environment, and both services are the one on the socket."""
    monkeypatch.setattr(loops, "SPEED", SPEED)
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", KEYS["AceDataCloud"])
    monkeypatch.setenv("RUNAPI_API_KEY", KEYS["RunAPI"])
    with m.Server() as server:
        settings.configure(acedata_base_url=server.url, runapi_base_url=server.url)
        kernels = Kernels(HttpClient, HurriedLoop)
        with open_shell(kernels) as shell:
            shell.ip.kernel = object()
            yield Run(shell, server)
        kernels.kill()


def refused(code: int, error: str, service: str = "AceDataCloud") -> m.Fault:
    """A refusal that quotes the key that came, as some services do."""
    words = {"code": error, "message": f"{error}: {KEYS[service]}"}
    return m.Status(code, {"success": False, "error": words, "trace_id": "trace-1"})


def fail_in_every_way(run: Run) -> None:
    """Requests that succeed, and that fail at each step in each way."""
    source = f"modify {run.server.url}/media/given.mp4"
    run.luma("sunset")
    run.luma("foggy", "modify sunset")
    run.luma("refused", submit=[refused(401, "invalid_token")])
    run.luma("refused_too", source, submit=[refused(401, "unauthorized", "RunAPI")])
    run.luma("moderated", submit=[refused(403, "forbidden")])
    run.luma("patient", submit=[m.TooMany(1), None])
    run.luma("lost", submit=[m.DropAfter()])
    run.luma("lost_too", source, submit=[m.DropAfter()])
    run.luma("broken", submit=[refused(500, "api_error")])
    run.luma("page", submit=[m.HtmlPage()])
    run.luma("looked_at", look=[refused(401, "invalid_token"), m.DropBefore(), m.HtmlPage(), m.BrokenJson()])
    run.luma("unsaved", video=[m.Status(500)] * 9)
    run.luma("expired", source, video=[m.Expired()] * 9)
    run.server.failure = f"no luck with {KEYS['AceDataCloud']}"
    run.luma("failed")
    run.server.failure = f"no luck with {KEYS['RunAPI']}"
    run.luma("failed_too", source)
    run.server.failure = None
    run.server.refuse()
    run.luma("unreachable")
    run.server.listen()


def go_on(run: Run) -> None:
    """What a user does about it, in this kernel and, after it was killed, in another."""
    user_ns = run.shell.user_ns
    for words in ("status", "history", "price", "balance", "wait", "help", "retry failed"):
        run(f"%luma {words}")
    for words in ("lost", "lost --may-pay-twice", "lost_too", "unsaved"):
        run(f"%luma retry {words}")
        run(f"%luma wait {words.split()[0]}")
    run.ends |= {f"{name}, retried": user_ns[name].status for name in ("lost", "lost_too", "unsaved")}
    run.server.seconds = math.inf
    looks = len(run.server.seen("look"))
    run.server.script("look", m.Hang(), m.Hang())
    for name, line in (("left", ""), ("left_too", f"modify {run.server.url}/media/given.mp4")):
        run(f"%%luma -o {name} {line}\nLeft running")
        wait_for_status(user_ns[name], "running")
        handle = user_ns[name].handle
        handle.listen(lambda event: 1 / 0)
        kernel.session.engine.loop_thread.call_and_wait(partial(handle.mention, problem=None), 30)
    run.server.until(lambda: len(run.server.seen("look")) >= looks + 2)
    run.look_around()
    run.shell.restart()
    run.server.behave()
    run.server.seconds = 0.0
    run("%luma resume")
    run("%luma wait")
    run.ends |= {f"{name}, resumed": user_ns[name].status for name in ("left", "left_too")}
    for line in ("", f"modify {run.server.url}/media/given.mp4"):
        run(f"%%luma --dry-run {line}\nOnly shown")
    settings.configure(budget=0.01, acedata_price=0.35)
    run("%%luma\nToo expensive")
    settings.configure(budget=None)
    run.look_around()


def lose_the_journal(run: Run, home: Path) -> None:
    """A home with a damaged journal, and one that cannot be written."""
    home.mkdir()
    (home / "journal.sqlite3").write_bytes(b"no database " * 500)
    settings.configure(home=home)
    run.luma("damaged")
    run.look_around()
    settings.configure(home=home / "journal.sqlite3")
    run("%%luma\nUnwritable")


def search(run: Run, folder: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Findings:
    """What the run has found, and what lies in files, in the log and in the terminal."""
    run.findings.add_log(caplog.records)
    run.findings.add_files(folder)
    printed = capfd.readouterr()
    run.findings.add("printed", printed.out + printed.err)
    return run.findings


def test_no_key_is_anywhere_after_a_run_with_failures(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Both keys were used all the time, and are in nothing that anybody could find, save or send on."""
    caplog.set_level(logging.DEBUG)
    fail_in_every_way(run)
    go_on(run)
    lose_the_journal(run, tmp_path / "other")
    findings = search(run, tmp_path, caplog, capfd)
    findings.add("settings", f"{settings.current()} {vars(kernel.configuration)}")
    findings.add("session", f"{vars(kernel)} {vars(kernel.session)} {vars(kernel.presenter)}")
    engine = kernel.session.engine
    findings.add("engine", f"{vars(engine)} {vars(engine.providers)} {engine.providers.runapi()}")
    assert run.ends == {
        **dict.fromkeys(("sunset", "foggy", "patient", "looked_at", "unsaved", "expired", "damaged"), "completed"),
        **dict.fromkeys(("refused", "refused_too", "moderated", "failed", "failed_too", "unreachable"), "failed"),
        **dict.fromkeys(("lost", "lost_too", "broken", "page"), "unconfirmed"),
        **dict.fromkeys(("lost, retried", "lost_too, retried", "unsaved, retried"), "completed"),
        **dict.fromkeys(("left, resumed", "left_too, resumed"), "completed"),
    }
    assert {request.headers["authorization"] for request in run.server.seen("submit")} == {
        f"Bearer {key}" for key in KEYS.values()
    }
    assert {
        "log httpx",
        "log httpcore",
        "log luma_jupyter",
        "file .sqlite3",
        "file .json",
        "file .mp4",
    } <= findings.kinds
    assert {"pickle", "widget", "outputs", "traceback", "local variables", "printed"} <= findings.kinds
    told = b"".join(text for what, text in findings.pieces if what == "explanation")
    assert b"Bearer \xe2\x80\xb9your key\xe2\x80\xba" in told
    assert b"invalid_token: \xe2\x80\xb9your key\xe2\x80\xba" in told
    assert any(what == "error" and text.startswith(b"RemoteProtocolError") for what, text in findings.pieces)
    assert findings.leaks == []


def test_a_key_that_is_not_masked_is_found(
    run: Run,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Were the keys that services quote not masked, they would be in nearly everything, and the search shows it."""
    monkeypatch.setattr(Secret, "mask_in", lambda self, answer: answer)
    caplog.set_level(logging.DEBUG)
    fail_in_every_way(run)
    run.look_around()
    leaks = search(run, tmp_path, caplog, capfd).leaks
    for service in KEYS:
        for what in ("error", "traceback", "shown error", "clip", "pickle", "outputs", "printed"):
            assert f"{what}: {service}" in leaks
        assert {f"file .sqlite3: {service}", f"file .sqlite3-wal: {service}"} & set(leaks)


def test_no_key_is_anywhere_after_a_run_with_a_keyring(
    run: Run,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Keys that are typed, kept, found, refused, lost and taken out again, by a keyring that talks when it fails."""
    caplog.set_level(logging.DEBUG)
    keyring = TalkativeKeyring()
    monkeypatch.setattr(kernel, "keyring", Keyring(keyring_with(keyring)))
    monkeypatch.setattr(kernel, "key_stores", lambda: [kernel.keyring])
    monkeypatch.setattr("builtins.input", lambda question: run.findings.add("question", question) or "y")
    for variable, word, service in (
        ("ACEDATACLOUD_API_TOKEN", "acedata", "AceDataCloud"),
        ("RUNAPI_API_KEY", "runapi", "RunAPI"),
    ):
        monkeypatch.delenv(variable)
        monkeypatch.setattr(getpass, "getpass", lambda question, key=KEYS[service]: key)
        keyring.broken = True
        assert isinstance(run(f"%luma login {word}"), LumaError)
        keyring.broken = False
        assert run(f"%luma login {word}") is None
    run.shell.restart()
    run.luma("sunset")
    run.luma("foggy", "modify sunset")
    run.luma("refused", submit=[refused(401, "invalid_token")])
    run("%%luma --dry-run\nOnly shown")
    run("%luma doctor")
    keyring.broken = True
    kernel.session.found_keys.forget("acedata_token", kernel.keyring.place)
    run("%luma doctor")
    assert isinstance(run("%luma logout acedata"), LumaError)
    keyring.broken = False
    run("%luma logout acedata")
    run.look_around()
    findings = search(run, tmp_path, caplog, capfd)
    findings.add("settings", f"{settings.current()} {vars(kernel.configuration)} {vars(kernel)}")
    assert run.ends == {"sunset": "completed", "foggy": "completed", "refused": "failed"}
    assert {"question", "result", "printed", "error", "file .sqlite3"} <= findings.kinds
    assert findings.leaks == []


class TalkativeKeyring(Backend):
    """A keyring that quotes what it was given, or has, while it is ``broken``."""

    broken = False

    def get_password(self, service: str, name: str) -> str | None:
        if self.broken:
            raise RuntimeError(f"cannot show {self.passwords}")
        return super().get_password(service, name)

    def set_password(self, service: str, name: str, password: str) -> None:
        if self.broken:
            raise RuntimeError(f"cannot keep {password}")
        super().set_password(service, name, password)
