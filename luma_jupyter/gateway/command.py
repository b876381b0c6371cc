"""The command line, ``luma-gateway``: each subcommand is a function that takes what was typed."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import re
import secrets
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from luma_jupyter.domain.money import dollars
from luma_jupyter.errors import ConfigError, LumaError
from luma_jupyter.gateway import doctor, logs, personal, serve, subkeys
from luma_jupyter.gateway.database import Database, DatabaseAway
from luma_jupyter.gateway.embedded import embedded_postgres, is_running
from luma_jupyter.gateway.identity import Tokens
from luma_jupyter.gateway.jobs import work
from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.media import Media
from luma_jupyter.gateway.records import MICROS, WALLET_TEXT, Person
from luma_jupyter.gateway.settings import (
    FILE_VARIABLE,
    FOLDER_VARIABLE,
    GatewaySettings,
    load,
    read_dollars,
    setting_variable,
)
from luma_jupyter.gateway.storage import MediaStore
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext, translated
from luma_jupyter.printable import say
from luma_jupyter.settings import variable

T = TypeVar("T")

PATIENCE = 30.0  # seconds that `serve` waits for PostgreSQL, which may be starting, too
NO_CAP = "none"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; what it returns is the exit code. Errors are one line that says what to do."""
    typed = _parser().parse_args(arguments)
    logs.set_up()
    try:
        return int(typed.run(typed) or 0)
    except LumaError as error:
        say(translated(error), sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


# Processes.


def _serve(typed: argparse.Namespace) -> None:
    environ = _environ(typed)
    settings = _load(environ)
    with serve.listen(settings) as listening:
        _supervise(settings, listening, environ)


def _up(typed: argparse.Namespace) -> None:
    typed.folder = folder = typed.folder or _default_folder()
    environ = _environ(typed)
    settings = _load(environ)
    # The address before all else: who has it has the folder.
    with serve.listen(settings) as listening, embedded_postgres(folder) as database:
        environ[setting_variable("database")] = database
        _supervise(replace(settings, database=database), listening, environ)


def _supervise(settings: GatewaySettings, listening: socket.socket, environ: Mapping[str, str]) -> None:
    async def run() -> None:
        await _migrate(settings.database)
        await serve.supervise(settings, listening, environ)

    asyncio.run(run())


async def _migrate(conninfo: str) -> None:
    """Bring the tables up to date, once PostgreSQL answers. Raises DatabaseAway where it does not in time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    async with Database(conninfo, size=1) as database:
        while True:
            try:
                await database.migrate()
                return
            except DatabaseAway:
                if loop.time() > until:
                    raise ConfigError("PostgreSQL does not answer: start it, or correct `database`.") from None


def _migrate_alone(typed: argparse.Namespace) -> None:
    asyncio.run(_migrate(_load(_environ(typed)).database))


def _replica(typed: argparse.Namespace) -> None:
    async def run() -> None:
        serve.end_with_supervisor()
        with serve.inherited(typed.socket) as listening:
            await serve.serve_replica(_load(_environ(typed)), listening)

    asyncio.run(run())


def _worker(typed: argparse.Namespace) -> None:
    async def run() -> None:
        if typed.supervised:
            serve.end_with_supervisor()
            serve.say_ready()
        await work(_load(_environ(typed)))

    with suppress(asyncio.CancelledError):  # how it ends by SIGTERM
        asyncio.run(run())


def _load(environ: Mapping[str, str]) -> GatewaySettings:
    """The settings of a process, which logs as they say from here on."""
    settings = load(environ)
    logs.set_up(settings.log_format, settings.log_prompts)
    return settings


def _default_folder() -> Path:
    from platformdirs import user_data_path  # as elsewhere: not needed where a folder is named

    return user_data_path("luma_gateway")


def _environ(typed: argparse.Namespace) -> dict[str, str]:
    """The environment of a gateway, with what was typed: its children read it there.

    Where neither says which gateway, it is the one that `up` runs in the default folder, if it does.
    """
    environ = dict(os.environ)
    if typed.config:
        environ[FILE_VARIABLE] = str(typed.config.resolve())
    folder = typed.folder
    if folder is None and not environ.keys() & {FILE_VARIABLE, setting_variable("database")}:
        folder = default if is_running(default := _default_folder()) else None
    if folder:
        environ[FOLDER_VARIABLE] = str(folder.resolve())
    return environ


# For the teacher.


def _init(typed: argparse.Namespace) -> None:
    say(hub_configuration(typed.hub.rstrip("/"), typed.name, typed.group, typed.teacher))


def hub_configuration(hub: str, name: str, group: str, teacher: str) -> str:
    """What to paste into the Hub's configuration, and the gateway's own file, with keys made for both."""
    api_token, signing_key = secrets.token_hex(32), secrets.token_urlsafe(32)
    base_path = urlsplit(hub).path  # of a Hub that has not a host of its own
    into_hub = _(
        'Paste into jupyterhub_config.py, then restart the Hub. Students in the group "{group}" may make videos.'
    )
    return f"""\
# 1. {into_hub.format(group=group)}
#    {_("Whoever joins it later has to stop and start their server.")}
c.Spawner.environment = {{"LUMA_JUPYTER_GATEWAY": "{hub}/services/{name}"}}
c.Spawner.server_token_scopes = [  # {_("of these, each server gets what its user has")}
    "users:activity!user",
    "access:servers!server",
    "access:services!service={name}",
    "custom:luma:teach",
]
c.JupyterHub.custom_scopes = {{"custom:luma:teach": {{"description": "See and steer a class's videos"}}}}
c.JupyterHub.load_roles = [
    {{"name": "luma-student", "scopes": ["access:services!service={name}"], "groups": ["{group}"]}},
    {{
        "name": "luma-teacher",
        "scopes": ["custom:luma:teach", "access:services!service={name}"],
        "users": ["{teacher}"],
    }},
]
c.JupyterHub.services = [
    {{
        "name": "{name}",
        "url": "http://127.0.0.1:8070",
        "api_token": "{api_token}",
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": ["custom:luma:teach"],
    }}
]
c.JupyterHub.cleanup_servers = False  # {_("kernels and their tokens outlive a restart of the Hub")}

# 2. {_("Paste into luma-gateway.toml, which nobody but the gateway may read; then type:")}
#    luma-gateway --config luma-gateway.toml serve
url = "{hub}/services/{name}"
listen = "127.0.0.1:8070"
database = "postgresql:///luma"
media = "file:///var/lib/luma-gateway/media"
hub_api_url = "http://127.0.0.1:8081{base_path}/hub/api"
hub_api_token = "{api_token}"
signing_key = "{signing_key}"
acedata_token = ""  # {_("the class's keys: fill in what you have, and delete the other lines")}
acedata_platform_token = ""
runapi_key = ""

# 3. {_("Set a cap before the first lesson:")}
#    luma-gateway --config luma-gateway.toml cap class --in-all 100 --a-day 20"""


def _token_make(typed: argparse.Namespace) -> None:
    person = Person(typed.name, tuple(typed.group), teaches=typed.teacher)

    async def run(database: Database) -> str:
        return await Tokens(database).make(person, typed.days)

    token = _with_database(typed, run)
    words = _("The token of {name} is shown only this once. Set {variable} to it:")
    say(words.format(name=typed.name, variable=variable("gateway_token")), sys.stderr)
    say(token)


def _token_list(typed: argparse.Namespace) -> None:
    async def run(database: Database) -> str:
        rows = await Tokens(database).list()
        none = _("There are no tokens: {command} makes one.")
        return "\n".join(map(str, rows)) or none.format(command="`luma-gateway token make NAME`")

    say(_with_database(typed, run))


def _token_end(typed: argparse.Namespace) -> int:
    async def run(database: Database) -> int:
        return await Tokens(database).end(typed.name)

    ended = _with_database(typed, run)
    words = (
        ngettext("{count} token of {name} ended.", "{count} tokens of {name} ended.", ended)
        if ended
        else _("{name} has no token that works.")
    )
    say(words.format(count=ended, name=typed.name))
    return 0 if ended else 1


def _cap(typed: argparse.Namespace) -> None:
    """Set what was typed; the rest stays what holds now, and without anything all does."""
    if typed.kind == "class" and typed.name:
        raise ConfigError(f"The class has no name: for a group, type `luma-gateway cap group {typed.name} …`.")
    changes: dict[str, int | None] = {}
    for name, value in (("in_all", typed.in_all), ("a_day", typed.a_day)):
        if value is not None:
            changes[name] = None if value.lower() == NO_CAP else read_dollars(f"--{name.replace('_', '-')}", value)

    async def run(database: Database) -> tuple[int | None, int | None]:
        ledger = Ledger(database)
        if changes:
            caps = changes.get("in_all", ...), changes.get("a_day", ...)
            await ledger.set_cap(typed.kind, typed.name, *caps, by=getpass.getuser())
        return await ledger.cap(typed.kind, typed.name)

    in_all, a_day = _with_database(typed, run)
    whose = typed.name or _(WALLET_TEXT[typed.kind])
    words = _("{whose}: {in_all} in all, {a_day} a day.")
    say(words.format(whose=whose, in_all=_shown_cap(in_all), a_day=_shown_cap(a_day)))


def _shown_cap(cap: int | None) -> str:
    return _("no cap") if cap is None else dollars(cap / MICROS)


def _release(typed: argparse.Namespace) -> int:
    async def run(database: Database) -> bool:
        return await Ledger(database).release(typed.id, getpass.getuser())

    released = _with_database(typed, run)
    words = _("{id} is released: its money is free.") if released else _("{id} is not unconfirmed: it stays.")
    say(words.format(id=typed.id))
    return 0 if released else 1


def _export(typed: argparse.Namespace) -> None:
    file = typed.to or Path(re.sub(r"[^\w.-]", "_", typed.name) + ".zip")
    store = MediaStore(load(_environ(typed)).media)

    async def run(database: Database) -> personal.Exported:
        return await personal.export(database, store, typed.name, file)

    done = _with_database(typed, run)
    words = _("{file} has what is kept of {name}: {rows} rows, {files} videos and other files.")
    say(words.format(file=file, name=typed.name, rows=done.rows, files=done.files))


def _erase(typed: argparse.Namespace) -> None:
    settings = load(_environ(typed))

    async def run(database: Database) -> personal.Erased:
        return await personal.erase(database, Media(settings, database), typed.name, getpass.getuser())

    done = _with_database(typed, run)
    words = _(
        "{name} is erased. Videos and other files that are gone: {files}. Clips that are now {pseudonym}'s, so that "
        "the sums stay right: {clips}. Stop the server at the Hub: whoever asks again counts as a new student."
    )
    say(words.format(name=typed.name, files=done.files, clips=done.clips, pseudonym=done.pseudonym))


def _status(typed: argparse.Namespace) -> int:
    report = asyncio.run(doctor.status(load(_environ(typed))))
    say(report)
    return int(report.bad)


def _doctor(typed: argparse.Namespace) -> int:
    report = asyncio.run(doctor.examine(load(_environ(typed))))
    say(report)
    return int(report.bad)


def _with_database(typed: argparse.Namespace, use: Callable[[Database], Awaitable[T]]) -> T:
    """What ``use`` gives on the gateway's database."""

    async def run() -> T:
        async with Database(load(_environ(typed)).database, size=2) as database:
            return await use(database)

    return asyncio.run(run())


# What can be typed.


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("luma-gateway", description=_("One key for a class: a gateway beside JupyterHub."))
    config = _("a TOML file with the settings; environment variables go before it")
    parser.add_argument("--config", type=Path, help=config)
    kept = _("where `up` keeps everything (default: your data folder)")
    parser.add_argument("--folder", type=Path, help=kept)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int | None], words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(run=run)
        return command

    add("serve", _serve, _("serve a class: replicas and workers, until SIGTERM; SIGHUP replaces them one by one"))
    worker = add("worker", _worker, _("run a worker alone, on another computer for instance"))
    worker.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
    up = add("up", _up, _("serve one class on one computer, with a PostgreSQL of its own"))
    up.add_argument("--folder", type=Path, default=argparse.SUPPRESS, help=kept)
    migrate = _("bring the tables up to date: do this first where several computers get a new version")
    add("migrate", _migrate_alone, migrate)
    replica = commands.add_parser("replica")  # for the supervisor: not listed
    replica.set_defaults(run=_replica)
    replica.add_argument("socket", type=int)
    init = add("init", _init, _("print what to paste into the Hub's configuration, and the gateway's own file"))
    init.add_argument("--hub", default="http://hub", help=_("the Hub's public address"))
    init.add_argument("--name", default="luma", help=_("the service's name at the Hub"))
    init.add_argument("--group", default="films", help=_("the group of the students"))
    init.add_argument("--teacher", default="teacher", help=_("the teacher's user name"))
    add("status", _status, _("show how the gateway is doing: clips, money, trouble"))
    add("doctor", _doctor, _("check that everything works, and say what to do where it does not"))
    _add_token(add("token", _token_list, _("tokens for those who come without a Hub")))
    own = _("AceDataCloud's own sub-keys, for a class without a gateway")
    subkeys.add_commands(add("subkeys", subkeys.show, own))
    cap = add("cap", _cap, _("show caps, or set them: an amount of US dollars, or none"))
    cap.add_argument("kind", choices=("student", "group", "class"))
    cap.add_argument("name", nargs="?", default="", help=_("whose (default: each of them)"))
    cap.add_argument("--in-all", metavar="USD")
    cap.add_argument("--a-day", metavar="USD")
    release = add("release", _release, _("give back the money of an unconfirmed request that made nothing"))
    release.add_argument("id", type=int, help=_("as `status` shows it"))
    export = add("export", _export, _("write all that is kept of a person to a zip"))
    export.add_argument("name")
    export.add_argument("--to", metavar="FILE", type=Path, help=_("a new file (default: NAME.zip)"))
    erase = add("erase", _erase, _("erase all that is kept of a person, but not what it has cost"))
    erase.add_argument("name")
    return parser


def _add_token(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="make|list|end")
    make = commands.add_parser("make", help=_("make one; it is shown once"))
    make.set_defaults(run=_token_make)
    make.add_argument("name", help=_("who uses it: a student of that name at the Hub is the same person"))
    make.add_argument("--group", action="append", default=[], help=_("a group that the person is in"))
    make.add_argument("--teacher", action="store_true", help=_("may see and steer all"))
    make.add_argument("--days", type=int, help=_("after how many days it ends (default: when you end it)"))
    commands.add_parser("list", help=_("show all")).set_defaults(run=_token_list)
    end = commands.add_parser("end", help=_("end a person's tokens"))
    end.set_defaults(run=_token_end)
    end.add_argument("name")
