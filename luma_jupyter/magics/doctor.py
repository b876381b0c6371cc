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
from luma_jupyter.engine.library.folder import check_writable
from luma_jupyter.engine.library.space import free_space, needed_space
from luma_jupyter.engine.provider_pool import missing_gateway_token
from luma_jupyter.engine.store.database import network_file_system
from luma_jupyter.errors import LumaError, ServiceError
from luma_jupyter.languages import N_, ngettext, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.operating_system import reason
from luma_jupyter.printable import columns, padded, printable, writable
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
_ACTIONS: dict[Provider, str] = {"acedata": N_("generate and extend"), "runapi": N_("modify")}
_PLATFORM = N_("AceDataCloud's platform")
_BEHIND_GATEWAY: dict[Provider, str] = {"runapi": N_("generate, extend and modify")}  # one question is enough


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: ``act``: it does not work; ``note``: it does, but know this; ``advice``: what to do
    about it. ``area`` is English, the rest in the reader's language."""

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
        counts = [
            ngettext("{count} problem", "{count} problems", act).format(count=act) if act else _("No problems"),
            ngettext("{count} note", "{count} notes", note).format(count=note),
            ngettext("{count} check passed", "{count} checks passed", fine).format(count=fine),
        ]
        return _("luma_jupyter {version}: {counts}.").format(version=__version__, counts=_("; ").join(counts))

    def __repr__(self) -> str:
        width = max((columns(_(finding.area)) for finding in self.findings), default=0)
        lines = [self.summary]
        for finding in self.findings:
            indent = " " * (width + 4)
            lines.append(_wrapped(finding.words, f"{MARKS[finding.level]} {padded(_(finding.area), width)}  ", indent))
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
        f'<td style="{cell};white-space:nowrap">{escaped(_(finding.area))}</td>'
        f'<td style="{cell}">{escaped(finding.words)}{advice}</td></tr>'
    )


def diagnose(kernel: Kernel, machine: Machine = THIS_MACHINE) -> Diagnosis:
    """Look at everything. Never raises because something is wrong."""
    findings: list[Finding] = []

    def examine(area: str, check: Callable[[], Iterator[Finding]]) -> None:
        try:
            findings.extend(check())
        except LumaError as error:
            findings.append(Finding("act", area, translated(error)))
        except Exception as error:  # whatever it is, the other checks still say what they find
            text = _("This could not be looked at ({kind}: {error}).")
            findings.append(Finding("act", area, text.format(kind=type(error).__name__, error=error)))

    examine(N_("versions"), lambda: _versions(machine))
    try:
        now = kernel.configuration.current()
    except LumaError as error:
        advice = _("Until then nothing works here, and nothing else was checked.")
        findings.append(Finding("act", N_("settings"), translated(error), advice))
        return Diagnosis(findings)
    examine(N_("host"), lambda: _host(kernel.presenter.environment.host(), now))
    if kernel.presenter.environment.has_page:
        examine(N_("page"), lambda: _page(kernel.presenter.page))
    examine(N_("idle kernels"), lambda: _idle(kernel.presenter.environment.host(), now))
    examine(N_("keys"), lambda: _where_keys_are(kernel))
    now = kernel.configuration.current()
    examine(N_("keys"), lambda: _keys(now))
    examine(N_("services"), lambda: _services(now, kernel))
    examine(_PLATFORM, lambda: _platform(now, kernel.session.engine))
    examine(N_("media folder"), lambda: _media(now, kernel.session.engine, machine))
    examine(N_("journal"), lambda: _journal(now, kernel.session.engine, machine))
    examine(N_("demo service"), lambda: _demo(now, machine))
    return Diagnosis(findings)


def _versions(machine: Machine) -> Iterator[Finding]:
    found = {name: machine.version(name) for name in _PACKAGES}
    known = [f"{name} {version}" for name, version in found.items() if version]
    words = _("In the environment of this kernel: {packages}.")
    packages = ", ".join([f"Python {platform.python_version()}", *known])
    yield Finding("fine", "versions", words.format(packages=packages))


def _host(host: Host, now: Settings) -> Iterator[Finding]:
    ways = {
        "relative": _("{host}: videos are shown from their files beside the notebook."),
        "embed": _("{host}: videos are shown inside the notebook, up to {size} each."),
        "remote": _("{host}: videos are shown from the service's address, as long as it holds."),
        "path": _("{host}: videos are shown as the paths of their files."),
    }
    wait = host.waits if now.wait is None else now.wait
    cells = _("Cells wait for their clips.") if wait else _("Cells return at once.")
    shown = ways[host.how].format(host=f"{host.name[0].upper()}{host.name[1:]}", size=file_size(host.limit))
    yield Finding("note" if host.hint else "fine", "host", f"{shown} {host.reason} {cells}", host.hint)


def _page(page: Page) -> Iterator[Finding]:
    """What the page can show: that depends on its Jupyter server's environment, not on this kernel's."""
    if page.is_silent and page.loses_updates:
        words = _(
            "The Jupyter server runs the cells itself, as jupyter_server_documents does: a card stands still when its "
            "cell is over, and there are no forms."
        )
        advice = _("%luma show NAME shows how a clip stands; --wait stays in a cell until its clip is done.")
        yield Finding("note", "page", words, advice)
    elif page.is_silent:
        words = _("No page answered to what was drawn last: cards are shown as plain HTML, and there are no forms.")
        advice = _(
            "If the page is open: pip install anywidget in the environment of the Jupyter server (not of the kernel), "
            "then reload the page."
        )
        yield Finding("note", "page", words, advice)
    elif page.answer is None:
        words = _("No page has answered yet; one does when a card or the studio is drawn in it, and no cell runs.")
        yield Finding("note", "page", words, _("To know what it can show: run %luma studio, then %luma doctor again."))
    elif page.answer:
        yield Finding("fine", "page", _("It shows live cards and forms ({answer}).").format(answer=page.answer))
    else:
        yield Finding("fine", "page", _("It shows live cards and forms."))


def _idle(host: Host, now: Settings) -> Iterator[Finding]:
    """Whether a kernel is safe whose cell returned at once."""
    if now.keep_active and host.how != "path":
        yield Finding("fine", "idle kernels", _("While clips are being watched, this kernel counts as active."))
    elif host.hub:
        words = _(
            "JupyterHubs end kernels that seem idle, as one does whose cell returned at once, often after an hour."
        )
        advice = _("Set {name}=1; what was watched in a kernel that ended goes on with %luma resume.")
        yield Finding("note", "idle kernels", words, advice.format(name=variable("keep_active")))


def _where_keys_are(kernel: Kernel) -> Iterator[Finding]:
    """Where each key is from; those that hosts keep are looked for anew."""
    for trouble in kernel.configuration.find_keys(LOGIN_KEYS.values(), anew=True):
        yield Finding("note", N_("keys elsewhere"), translated(trouble))
    places = kernel.configuration.current().key_places
    if places:
        text = _("{name} is from {place}")
        found = [text.format(name=variable(name), place=translated(place)) for name, place in places.items()]
        yield Finding("fine", N_("where keys are"), _("{found}.").format(found=_("; ").join(found)))


def _keys(now: Settings) -> Iterator[Finding]:
    given = _given(now)
    if now.gateway is not None and not given:
        yield Finding("act", CLASS_GATEWAY, translated(missing_gateway_token()))
        return
    if given and now.provider == "demo":
        words = (
            _("A key is set, but so is provider=demo: every video is a free demo unless a cell says otherwise.")
            if now.gateway is None
            else _(
                "A class gateway is set, but so is provider=demo: every video is a free demo unless a cell says "
                "otherwise."
            )
        )
        advice = _("luma_jupyter.configure(provider='auto'), or {name}=auto.").format(name=variable("provider"))
        yield Finding("note", "keys", words, advice)
    if not given:
        words = _("No key is set: everything goes to the demo service, whose videos are simulated and free.")
        advice = _("For real videos set {generate} (to generate and extend) and {modify} (to modify), {how}.")
        names = {service: variable(name) for service, name in KEY_SETTINGS.items()}
        how = _by_hand("acedata_token")
        advice = advice.format(generate=names["acedata"], modify=names["runapi"], how=how)
        yield Finding("note", "keys", words, advice)
        return
    for provider, name in KEY_SETTINGS.items():
        if provider not in given:
            words = _("No key is set, so {actions} is an error that says so; nothing is silently simulated.")
            words = words.format(actions=translated(_ACTIONS[provider]))
            yield Finding("note", SERVICE_NAMES[provider], words, _set_by_hand(name))


def _by_hand(name: str) -> str:
    """How a key is set."""
    text = _(
        "in the environment before the kernel starts, by %luma login, or by luma_jupyter.configure({name}=getpass())"
    )
    return text.format(name=name)


def _set_by_hand(name: str) -> str:
    return _("Set {name}, {how}.").format(name=variable(name), how=_by_hand(name))


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
            words = _("{host} answers and knows the key, which is for {actions}. Nothing was made or paid.")
            yield Finding("fine", name, words.format(host=host, actions=translated(actions[provider])))
        elif isinstance(error, ServiceError):
            asked = _("It was asked at {host}.").format(host=host)
            yield Finding("act", name, f"{translated(error.finding)} {asked}", translated(error.advice))
        else:
            yield Finding("act", name, translated(error))
    if given and kernel.session.engine.services.has_fake_address([_host_of(provider, now) for provider in given]):
        words = _(
            "A proxy of this machine or network gives a fake address (198.18.…) for every name, as Clash and Surge do. "
            "All works with it; but whether a video's host is public, that proxy alone knows."
        )
        yield Finding("note", N_("network"), words)
    if unread := kernel.session.engine.services.unread_proxy_exceptions():
        words = _("NO_PROXY has entries that are passed over, as they fit no host: {entries}.")
        advice = _("Name hosts and domains there, such as localhost,.example.com.")
        yield Finding("note", N_("network"), words.format(entries=", ".join(unread)), advice)


def _platform(now: Settings, engine: Engine) -> Iterator[Finding]:
    """The platform that takes files and knows the account, where AceDataCloud is used, and no class gateway."""
    if now.acedata_token is None or now.gateway is not None:
        return
    if now.acedata_platform_token is None:
        name = "acedata_platform_token"
        words = _("No platform token is set: no files of your own go to AceDataCloud, and its balance is not known.")
        yield Finding("note", _PLATFORM, words, _set_by_hand(name))
        return
    try:
        engine.services.balance("acedata")
    except ServiceError as error:
        yield Finding("act", _PLATFORM, translated(error.finding), translated(error.advice))
        return
    host = urlsplit(now.acedata_platform_url).hostname
    words = _("{host} answers and knows the platform token, which is for files and the balance.")
    yield Finding("fine", _PLATFORM, words.format(host=host))


def _media(now: Settings, engine: Engine, machine: Machine) -> Iterator[Finding]:
    where = _short(now.media_folder, now)
    try:
        machine.check_writable(now.media_folder)
    except OSError as error:
        words = _("Nothing can be written in {folder} ({reason}), so no video is asked for.")
        advice = _("Make it writable, or set {name} to another folder.").format(name=variable("media"))
        why = translated(reason(error))
        yield Finding("act", "media folder", words.format(folder=where, reason=why), advice)
        return
    yield _free_space(now, engine, machine, where)


def _free_space(now: Settings, engine: Engine, machine: Machine, where: str) -> Finding:
    try:
        free = machine.free_space(now.media_folder)
    except OSError as error:
        words = _("Videos are saved in {folder}; how much is free there is not known ({reason}).")
        return Finding("note", "media folder", words.format(folder=where, reason=error.strerror or error))
    words = _("Videos are saved in {folder}, where {size} are free.").format(folder=where, size=_gigabytes(free))
    needed = needed_space(engine.repository.last_sizes())
    if free >= needed:
        return Finding("fine", "media folder", words)
    advice = _("Make room ({size} should be free), or set {name} to a folder on another disk.")
    advice = advice.format(size=_gigabytes(needed), name=variable("media"))
    paid = bool(_given(now)) and now.provider != "demo"
    little = _("No video is paid for with so little.")
    return Finding("act" if paid else "note", "media folder", f"{words} {little}", advice)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else file_size(size)


def _journal(now: Settings, engine: Engine, machine: Machine) -> Iterator[Finding]:
    mode = engine.journal.check()
    engine.repository.media.look_through(now.media_folder)
    open_tasks = engine.repository.unfinished(now.folder)
    words = (
        _("Your clips are written down in {folder}, in SQLite's mode {mode} (quick).")
        if mode == "wal"
        else _(
            "Your clips are written down in {folder}, in SQLite's mode {mode} (slower than on a local disk, where it "
            "would be wal)."
        )
    )
    words = words.format(folder=_short(now.home_folder, now), mode=mode)
    if shared := machine.network_file_system(now.home_folder):
        risk = _("That is on a network file system ({kind}), where kernels on two machines can damage it.")
        advice = _(
            "Set {name} to a folder on a disk of this machine that lasts, before kernels start, and copy the journal "
            "there while none runs; or use it from one machine at a time."
        )
        words = f"{words} {risk.format(kind=shared)}"
        yield Finding("note", "journal", words, advice.format(name=variable("home")))
    else:
        yield Finding("fine", "journal", words)
    while engine.notices:  # the engine may add one meanwhile
        yield Finding("note", "journal", engine.notices.pop(0))
    if open_tasks:
        doubtful = sum(task.status is Status.UNCONFIRMED for task in open_tasks)
        words = _("Unfinished in this folder, and watched by no kernel: {count}; of these unconfirmed: {doubtful}.")
        advice = _("%luma resume watches them again; %luma retry NAME asks about one in doubt.")
        yield Finding("note", N_("clips"), words.format(count=len(open_tasks), doubtful=doubtful), advice)


def _demo(now: Settings, machine: Machine) -> Iterator[Finding]:
    missing = []
    for module, name in _DEMO.items():
        try:
            machine.load(module)
        except Exception as error:  # a broken library raises whatever it likes
            why = _("not installed") if isinstance(error, ModuleNotFoundError) else error
            missing.append(f"{name} ({why})")
    if not missing:
        words = _("Its packages are there: {packages}.").format(packages=", ".join(_DEMO.values()))
        yield Finding("fine", "demo service", words)
        return
    needed = now.provider == "demo" or not _given(now)
    words = _("It lacks {packages}, so no video can be made here.") if needed else _("It lacks {packages}.")
    advice = (
        _("pip install 'luma-jupyter[demo]', then restart the kernel, or set a key.")
        if needed
        else _("pip install 'luma-jupyter[demo]', then restart the kernel.")
    )
    words = words.format(packages=", ".join(missing))
    yield Finding("act" if needed else "note", "demo service", words, advice)


def _short(folder: Path, now: Settings) -> str:
    """A folder as seen from the notebook or from the user's home: what is saved should not tell more."""
    if folder.is_relative_to(now.folder):
        return _("{folder} beside the notebook").format(folder=folder.relative_to(now.folder))
    with suppress(RuntimeError):  # the user has no home folder
        return f"~/{folder.relative_to(Path.home())}" if folder.is_relative_to(Path.home()) else str(folder)
    return str(folder)
