"""What ``%luma doctor`` says: does it work here, and where not, what to do.

Each check gives findings; `diagnose` runs them all, and none can stop the others. What it asks of the machine comes in
as a `Machine`, so that tests can take things away from it. Services are asked one harmless question each, where a key
is set: nothing is made or paid. No key is ever shown.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from textwrap import fill
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from luma_jupyter import __version__
from luma_jupyter.api.kernel import Kernel
from luma_jupyter.display.page import Page
from luma_jupyter.domain.vocabulary import CLASS_GATEWAY, SERVICE_NAMES, Provider, Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.library.folder import check_writable, free_space, needed_space
from luma_jupyter.engine.provider_pool import missing_gateway_token
from luma_jupyter.engine.store.database import network_file_system
from luma_jupyter.errors import LumaError, ServiceError
from luma_jupyter.operating_system import reason
from luma_jupyter.printable import printable, writable
from luma_jupyter.settings import KEY_SETTINGS, LOGIN_KEYS, Settings, variable
from luma_jupyter.views.host import Host
from luma_jupyter.views.html import NO_FORMULAS, escaped
from luma_jupyter.views.text import file_size

Level: TypeAlias = Literal["act", "note", "fine"]

LEVELS: tuple[Level, ...] = ("act", "note", "fine")
MARKS: dict[Level, str] = {"act": "✗", "note": "!", "fine": "✓"}
WIDTH = 100  # characters of a line of text
_PACKAGES = ("ipython", "ipykernel", "ipywidgets", "anywidget", "jupyterlab", "notebook")
# What the demo service needs, as it is imported, and as people call it.
_DEMO = {"av": "PyAV", "numpy": "numpy", "PIL": "Pillow", "tornado": "tornado"}
_ACTIONS: dict[Provider, str] = {"acedata": "generate and extend", "runapi": "modify"}
_PLATFORM = "AceDataCloud's platform"
_BEHIND_GATEWAY: dict[Provider, str] = {"runapi": "generate, extend and modify"}  # one question is enough
_GETPASS = "in the environment before the kernel starts, by %luma login, or by luma_jupyter.configure({}=getpass())"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ``act``: it does not work; ``note``: it does, but know this; ``advice``: what to do
    about it."""

    level: Level
    area: str
    words: str
    advice: str = ""


@dataclass(frozen=True)
class Machine:
    """What is asked of the machine. ``version`` of an installed distribution, or None; ``load`` imports a module;
    ``check_writable`` writes into a folder, or raises OSError; ``free_space`` gives its free bytes, or raises OSError;
    ``network_file_system`` names the one that a folder is on, or gives None.
    """

    version: Callable[[str], str | None]
    load: Callable[[str], object]
    check_writable: Callable[[Path], None]
    free_space: Callable[[Path], int] = free_space
    network_file_system: Callable[[Path], str | None] = network_file_system


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


THIS_MACHINE = Machine(_version, import_module, check_writable)


class Diagnosis:
    """The findings, in the order in which they should be read: what needs something done comes first."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = sorted(findings, key=lambda finding: LEVELS.index(finding.level))

    @property
    def summary(self) -> str:
        """How it stands, in one line."""
        act, note, fine = (sum(finding.level == level for finding in self.findings) for level in LEVELS)
        todo = f"{act} to be mended" if act else "nothing to be mended"
        return f"luma_jupyter {__version__}: {todo}, {note} to know, {fine} fine."

    def __repr__(self) -> str:
        width = max((len(finding.area) for finding in self.findings), default=0)
        lines = [self.summary]
        for finding in self.findings:
            indent = " " * (width + 4)
            lines.append(_wrapped(finding.words, f"{MARKS[finding.level]} {finding.area:<{width}}  ", indent))
            if finding.advice:
                lines.append(_wrapped(finding.advice, f"{indent}→ ", f"{indent}  "))
        return writable("\n".join(lines))

    def _repr_html_(self) -> str:
        rows = "".join(_row(finding) for finding in self.findings)
        return (
            f'<div class="{NO_FORMULAS}"><div style="font-weight:600">{escaped(self.summary)}</div>'
            f'<div style="overflow-x:auto"><table><tbody>{rows}</tbody></table></div></div>'
        )


def _wrapped(text: str, first: str, other: str) -> str:
    options = {"break_long_words": False, "break_on_hyphens": False}
    return printable(fill(text, WIDTH, initial_indent=first, subsequent_indent=other, **options))  # type: ignore[arg-type]


def _row(finding: Finding) -> str:
    cell = "text-align:left;vertical-align:top"
    weight = "600" if finding.level == "act" else "normal"
    advice = f'<div style="font-weight:{weight}">→ {escaped(finding.advice)}</div>' if finding.advice else ""
    return (
        f'<tr><td style="{cell}">{MARKS[finding.level]}</td>'
        f'<td style="{cell};white-space:nowrap">{escaped(finding.area)}</td>'
        f'<td style="{cell}">{escaped(finding.words)}{advice}</td></tr>'
    )


def diagnose(kernel: Kernel, machine: Machine = THIS_MACHINE) -> Diagnosis:
    """Look at everything. Never raises because something is wrong."""
    findings: list[Finding] = []

    def examine(area: str, check: Callable[[], Iterator[Finding]]) -> None:
        try:
            findings.extend(check())
        except LumaError as error:
            findings.append(Finding("act", area, str(error)))
        except Exception as error:  # whatever it is, the other checks still say what they find
            findings.append(Finding("act", area, f"This could not be looked at ({type(error).__name__}: {error})."))

    examine("versions", lambda: _versions(machine))
    try:
        now = kernel.configuration.current()
    except LumaError as error:
        findings.append(
            Finding("act", "settings", str(error), "Until then nothing works here, and no more was looked at.")
        )
        return Diagnosis(findings)
    examine("host", lambda: _host(kernel.presenter.environment.host(), now))
    if kernel.presenter.environment.has_page:
        examine("page", lambda: _page(kernel.presenter.page))
    examine("idle kernels", lambda: _idle(kernel.presenter.environment.host(), now))
    examine("keys", lambda: _where_keys_are(kernel))
    now = kernel.configuration.current()
    examine("keys", lambda: _keys(now))
    examine("services", lambda: _services(now, kernel))
    examine(_PLATFORM, lambda: _platform(now, kernel.session.engine))
    examine("media folder", lambda: _media(now, kernel.session.engine, machine))
    examine("journal", lambda: _journal(now, kernel.session.engine, machine))
    examine("demo service", lambda: _demo(now, machine))
    return Diagnosis(findings)


def _versions(machine: Machine) -> Iterator[Finding]:
    found = {name: machine.version(name) for name in _PACKAGES}
    known = [f"{name} {version}" for name, version in found.items() if version]
    words = f"In the environment of this kernel: Python {platform.python_version()}, {', '.join(known)}."
    yield Finding("fine", "versions", words)


def _host(host: Host, now: Settings) -> Iterator[Finding]:
    ways = {
        "relative": "from their files beside the notebook",
        "embed": f"inside the notebook, up to {file_size(host.limit)} each",
        "remote": "from the service's address, as long as it holds",
        "path": "as the paths of their files",
    }
    wait = host.waits if now.wait is None else now.wait
    cells = "Cells wait for their clips." if wait else "Cells return at once."
    words = f"{host.name[0].upper()}{host.name[1:]}: videos are shown {ways[host.how]}. {host.reason} {cells}"
    yield Finding("note" if host.hint else "fine", "host", words, host.hint)


def _page(page: Page) -> Iterator[Finding]:
    """What the page can show: that depends on its Jupyter server's environment, not on this kernel's."""
    if page.is_silent and page.loses_updates:
        words = (
            "The Jupyter server runs the cells itself, as jupyter_server_documents does: the page shows nothing that "
            "lives, no forms, and a card stands still when its cell is over."
        )
        advice = "%luma show NAME shows how a clip stands; --wait stays in a cell until its clip is done."
        yield Finding("note", "page", words, advice)
    elif page.is_silent:
        words = (
            "No page answered to what was drawn last: cards are brought forward as plain HTML, and there are no forms."
        )
        advice = (
            "If the page is open: pip install anywidget in the environment of the Jupyter server (not of the kernel), "
            "then reload the page."
        )
        yield Finding("note", "page", words, advice)
    elif page.answer is None:
        words = "No page has answered yet; one does when a card or the studio is drawn in it, and no cell runs."
        yield Finding("note", "page", words, "To know what it can show: run %luma studio, then %luma doctor again.")
    else:
        yield Finding(
            "fine", "page", f"It shows cards and forms that live{f' ({page.answer})' if page.answer else ''}."
        )


def _idle(host: Host, now: Settings) -> Iterator[Finding]:
    """Whether a kernel is safe whose cell returned at once."""
    if now.keep_active and host.how != "path":
        yield Finding("fine", "idle kernels", "While clips are followed, this kernel counts as active.")
    elif host.hub:
        words = "JupyterHubs end kernels that seem idle, as one does whose cell returned at once, often after an hour."
        advice = f"Set {variable('keep_active')}=1; what was followed in a kernel that ended goes on with %luma resume."
        yield Finding("note", "idle kernels", words, advice)


def _where_keys_are(kernel: Kernel) -> Iterator[Finding]:
    """Where each key is from; those that hosts keep are looked for anew."""
    for trouble in kernel.configuration.find_keys(LOGIN_KEYS.values(), anew=True):
        yield Finding("note", "keys elsewhere", trouble)
    places = kernel.configuration.current().key_places
    if places:
        words = "; ".join(f"{variable(name)} is from {place}" for name, place in places.items())
        yield Finding("fine", "where keys are", f"{words}.")


def _keys(now: Settings) -> Iterator[Finding]:
    given = _given(now)
    if now.gateway is not None and not given:
        yield Finding("act", CLASS_GATEWAY, str(missing_gateway_token()))
        return
    if given and now.provider == "demo":
        what = "A key" if now.gateway is None else f"A {CLASS_GATEWAY}"
        words = f"{what} is set, but so is provider=demo: everything is simulated unless a cell says otherwise."
        yield Finding(
            "note", "keys", words, f"luma_jupyter.configure(provider='auto'), or {variable('provider')}=auto."
        )
    if not given:
        names = " and ".join(f"{variable(name)} ({_ACTIONS[provider]})" for provider, name in KEY_SETTINGS.items())
        words = "No key is set: everything goes to the demo service, whose videos are simulated and free."
        yield Finding("note", "keys", words, f"For real videos set {names}, {_GETPASS.format('acedata_token')}.")
        return
    for provider, name in KEY_SETTINGS.items():
        if provider not in given:
            words = f"No key is set, so {_ACTIONS[provider]} is an error that says so; nothing is silently simulated."
            yield Finding("note", SERVICE_NAMES[provider], words, f"Set {variable(name)}, {_GETPASS.format(name)}.")


def _given(now: Settings) -> list[Provider]:
    """The services that have a key."""
    return [provider for provider, name in KEY_SETTINGS.items() if getattr(now, name) is not None]


def _host_of(provider: Provider, now: Settings) -> str:
    """The host of a service's API."""
    return urlsplit(now.runapi_base_url if provider == "runapi" else now.acedata_base_url).hostname or ""


def _services(now: Settings, kernel: Kernel) -> Iterator[Finding]:
    given = _given(now)
    actions = _ACTIONS if now.gateway is None else _BEHIND_GATEWAY
    given = [provider for provider in given if provider in actions]
    for provider, error in zip(given, kernel.session.engine.services.check(given) if given else [], strict=True):
        name = now.service_name(provider)
        host = _host_of(provider, now)
        if error is None:
            words = f"{host} answers and knows the key, which is for {actions[provider]}. Nothing was made or paid."
            yield Finding("fine", name, words)
        elif isinstance(error, ServiceError):
            yield Finding("act", name, f"{error.finding} It was asked at {host}.", error.advice)
        else:
            yield Finding("act", name, str(error))
    if given and kernel.session.engine.services.has_fake_address([_host_of(provider, now) for provider in given]):
        words = (
            "A proxy of this machine or network gives a fake address (198.18.…) for every name, as Clash and Surge do. "
            "All works with it; but whether a video's host is public, that proxy alone knows."
        )
        yield Finding("note", "network", words)
    if unread := kernel.session.engine.services.unread_proxy_exceptions():
        words = f"NO_PROXY has entries that are passed over, as they fit no host: {', '.join(unread)}."
        yield Finding("note", "network", words, "Name hosts and domains there, such as localhost,.example.com.")


def _platform(now: Settings, engine: Engine) -> Iterator[Finding]:
    """The platform that takes files and knows the account, where AceDataCloud is used, and no class gateway."""
    if now.acedata_token is None or now.gateway is not None:
        return
    if now.acedata_platform_token is None:
        name = "acedata_platform_token"
        words = "No platform token is set: no files of your own go to AceDataCloud, and its balance is not known."
        yield Finding("note", _PLATFORM, words, f"Set {variable(name)}, {_GETPASS.format(name)}.")
        return
    try:
        engine.services.balance("acedata")
    except ServiceError as error:
        yield Finding("act", _PLATFORM, error.finding, error.advice)
        return
    host = urlsplit(now.acedata_platform_url).hostname
    yield Finding(
        "fine", _PLATFORM, f"{host} answers and knows the platform token, which is for files and the balance."
    )


def _media(now: Settings, engine: Engine, machine: Machine) -> Iterator[Finding]:
    where = _short(now.media_folder, now)
    try:
        machine.check_writable(now.media_folder)
    except OSError as error:
        yield Finding(
            "act",
            "media folder",
            f"Nothing can be written in {where} ({reason(error)}), so no video is asked for.",
            f"Make it writable, or set {variable('media')} to another folder.",
        )
        return
    yield _free_space(now, engine, machine, where)


def _free_space(now: Settings, engine: Engine, machine: Machine, where: str) -> Finding:
    try:
        free = machine.free_space(now.media_folder)
    except OSError as error:
        words = f"Videos are saved in {where}; how much is free there is not known ({error.strerror or error})."
        return Finding("note", "media folder", words)
    words = f"Videos are saved in {where}, where {_gigabytes(free)} are free."
    needed = needed_space(engine.repository.last_sizes())
    if free >= needed:
        return Finding("fine", "media folder", words)
    advice = f"Make room ({_gigabytes(needed)} should be free), or set {variable('media')} to another disk's folder."
    paid = bool(_given(now)) and now.provider != "demo"
    return Finding("act" if paid else "note", "media folder", words + " No video is paid for with so little.", advice)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else file_size(size)


def _journal(now: Settings, engine: Engine, machine: Machine) -> Iterator[Finding]:
    mode = engine.journal.check()
    engine.repository.media.look_through(now.media_folder)
    open_tasks = engine.repository.unfinished(now.folder)
    quick = "quick" if mode == "wal" else "slower than on a local disk, where it would be wal"
    words = f"It is written in {_short(now.home_folder, now)}, in SQLite's mode {mode} ({quick})."
    if shared := machine.network_file_system(now.home_folder):
        words += f" That is on a network file system ({shared}), where kernels on two machines can damage it."
        advice = (
            f"Set {variable('home')} to a folder on a disk of this machine that lasts, before kernels start, and copy "
            "the journal there while none runs; or use it from one machine at a time."
        )
        yield Finding("note", "journal", words, advice)
    else:
        yield Finding("fine", "journal", words)
    for notice in engine.notices:
        yield Finding("note", "journal", notice)
    engine.notices.clear()
    if open_tasks:
        doubtful = sum(task.status is Status.UNCONFIRMED for task in open_tasks)
        words = (
            f"Unfinished in this folder, followed by no kernel: {len(open_tasks)}; of these unconfirmed: {doubtful}."
        )
        yield Finding(
            "note", "clips", words, "%luma resume follows them further; %luma retry NAME asks about one in doubt."
        )


def _demo(now: Settings, machine: Machine) -> Iterator[Finding]:
    missing = []
    for module, name in _DEMO.items():
        try:
            machine.load(module)
        except Exception as error:  # a broken library raises whatever it likes
            missing.append(f"{name} ({'not installed' if isinstance(error, ModuleNotFoundError) else error})")
    if not missing:
        yield Finding("fine", "demo service", f"Its packages are there: {', '.join(_DEMO.values())}.")
        return
    needed = now.provider == "demo" or not _given(now)
    yield Finding(
        "act" if needed else "note",
        "demo service",
        f"It lacks {', '.join(missing)}{', so no video can be made here' if needed else ''}.",
        "pip install 'luma-jupyter[demo]', then restart the kernel" + (", or set a key." if needed else "."),
    )


def _short(folder: Path, now: Settings) -> str:
    """A folder as seen from the notebook or from the user's home: what is saved should not tell more."""
    if folder.is_relative_to(now.folder):
        return f"{folder.relative_to(now.folder)} beside the notebook"
    with suppress(RuntimeError):  # the user has no home folder
        return f"~/{folder.relative_to(Path.home())}" if folder.is_relative_to(Path.home()) else str(folder)
    return str(folder)
