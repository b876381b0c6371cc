"""A SQLite file that several processes share, and that never stands in their way.

Each commit reaches the disk (``synchronous=FULL``) before it counts. Write-ahead logging makes that quick, but needs
shared memory, which network file systems do not have; there the slower rollback journal is used. A busy file is waited
for. A file that is damaged or belongs to something else is set aside under another name, and a new one is begun. One
that a newer version wrote is read, and never written or moved: two versions on one home must not forget each other's
spending.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from luma_jupyter.engine.fork import at_fork
from luma_jupyter.errors import ConfigError
from luma_jupyter.settings import variable

BUSY_TIMEOUT = 30.0  # seconds that a busy file is waited for
# Where write-ahead logging is known to work: file systems of this machine alone.
LOCAL_FILE_SYSTEMS = frozenset(
    [
        *("apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "jfs", "msdos", "ntfs"),
        *("overlay", "ramfs", "tmpfs", "ufs", "vfat", "xfs", "zfs"),
    ]
)
NEWER_ADVICE = (
    "what was made is played, and nothing is paid for by this version. Update it (pip install -U luma-jupyter), then "
    "restart the kernel."
)
_T = TypeVar("_T")
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_REASONS = {
    "damaged": "is damaged",
    "foreign": "is not one of luma_jupyter's",
}


class Database:
    """The file at ``path``, opened when first used.

    ``migrations`` bring its tables to this version's form, one by one; ``additions`` are tables that earlier versions
    do not know and need not know: they do not count for the file's version. ``notify`` gets one line when something
    happened to the file that the user should know; ``clock`` (Unix seconds) dates the names of files set aside.

    All calls raise ConfigError when the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[str],
        additions: Sequence[str] = (),
        *,
        clock: Callable[[], float],
        notify: Callable[[str], None],
    ) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        self._times_set_aside = 0
        self._migrations = migrations
        self._additions = additions
        self._clock = clock
        self._notify = notify
        self._reset()
        at_fork(before=self._before_fork, parent=self._after_fork, child=self._reset)

    def _reset(self) -> None:
        """Start anew, as in a forked child."""
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._inside = False
        self._newer = False
        self._lock = threading.RLock()

    def _before_fork(self) -> None:
        """Before a fork: no connection may get into the child, where SQLite would trust locks that are the parent's."""
        self._lock.acquire()
        self.close()

    def _after_fork(self) -> None:
        """In the parent, which keeps what it had."""
        self._lock.release()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is read and written inside happens at once, as other kernels see it; nothing stays if it raises.

        Other threads of this kernel wait outside; a transaction within another is a part of it.
        """
        with self._lock:
            if self._inside:
                yield
                return
            self.execute("BEGIN IMMEDIATE")
            self._inside = True
            try:
                yield
                self.execute("COMMIT")
            except BaseException:
                if self._connection:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise
            finally:
                self._inside = False

    def transact(self, work: Callable[[], _T]) -> _T:
        """What ``work`` does, in a transaction; done anew in a new file where this one proves to be damaged.

        As a part of another transaction it is not: that one has read what is gone.
        """
        with self._lock:
            before = self._times_set_aside
            try:
                with self.transaction():
                    return work()
            except ConfigError:
                if self._inside or self._times_set_aside == before:
                    raise
            with self.transaction():
                return work()

    def execute(self, sql: str, *values: object) -> tuple[list[Any], int]:
        """The found rows and the number of changed ones; from a new file where this one proves to be damaged."""
        with self._lock:
            try:
                try:
                    return self._execute(sql, values)
                except sqlite3.DatabaseError as error:
                    if _code(error) not in _DAMAGE:
                        raise
                    self._set_aside("damaged")
                    if self._inside:  # what the transaction has read is gone
                        raise
                    return self._execute(sql, values)
            except sqlite3.Error as error:
                raise self._unusable(error) from None

    def _execute(self, sql: str, values: tuple[object, ...]) -> tuple[list[Any], int]:
        cursor = self._current().execute(sql, values)
        return cursor.fetchall(), cursor.rowcount

    def _current(self) -> sqlite3.Connection:
        """The connection to the file that is there now: somebody may have moved the one that was opened."""
        if self._connection and not self._inside and _inode(self.path) != self._inode:
            self.close()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (self._lock_path, self.path):
                with suppress(FileExistsError):  # for this user alone, from the first moment
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise self._unusable(error) from None
        with self._file_lock():
            self._inode = _inode(self.path)
            connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
            connection.text_factory = lambda text: text.decode(errors="replace")  # a damaged row is one row
            try:
                unusable = self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        if not unusable:
            return connection
        connection.close()
        self._set_aside(unusable)
        return self._open()

    @contextmanager
    def _file_lock(self) -> Iterator[None]:
        """One kernel at a time opens the file or moves it. The lock is an empty database: it ends with its holder."""
        with closing(sqlite3.connect(self._lock_path, timeout=BUSY_TIMEOUT, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            yield

    def _prepare(self, connection: sqlite3.Connection) -> str | None:
        """Bring the file to this version's form; where that cannot be done, why."""
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self._newer = version > len(self._migrations)
        if self._newer:
            connection.execute("COMMIT")
            connection.execute("PRAGMA query_only = ON")
            self._notify(f"{self._newer_finding} {NEWER_ADVICE}")
            return None
        if not ("tasks" in tables if version else not tables):
            return "foreign"
        for migration in self._migrations[version:]:
            for statement in migration.split(";"):
                connection.execute(statement)
        for addition in self._additions:
            connection.execute(addition)
        if version < len(self._migrations):
            connection.execute(f"PRAGMA user_version = {len(self._migrations)}")
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA journal_mode = {'WAL' if _is_local(self.path.parent) else 'DELETE'}")
        return None

    def close(self) -> None:
        """Close the connection; it is opened again when needed. From any thread."""
        with self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None

    def _set_aside(self, why: str) -> None:
        """Rename the file, unless another kernel has done so already."""
        self._times_set_aside += 1
        self.close()
        stamp = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(self._clock()))}-{os.getpid()}"
        aside = self.path.with_name(f"journal-{why}-{stamp}.sqlite3")
        while aside.exists():
            aside = aside.with_stem(f"{aside.stem}-again")
        try:
            with self._file_lock():
                if _inode(self.path) != self._inode:
                    return
                for end in ("-wal", "-shm", "-journal", ""):  # a new file must never meet the old one's log
                    with suppress(FileNotFoundError):
                        os.replace(f"{self.path}{end}", f"{aside}{end}")
        except OSError as error:
            raise self._unusable(error) from None
        self._notify(
            f"The journal of your clips {_REASONS[why]}; it was set aside as {aside.name}, and a new one was begun. "
            "What was unfinished or spent today is forgotten: look at the services' consoles before you go on."
        )

    @property
    def _newer_finding(self) -> str:
        return f"The journal in {str(self.path.parent)!r} was written by a newer version of luma_jupyter:"

    def _unusable(self, error: Exception) -> ConfigError:
        if self._newer and _code(error) == sqlite3.SQLITE_READONLY:
            return ConfigError(f"{self._newer_finding} {NEWER_ADVICE}")
        why = getattr(error, "strerror", None) or str(error)
        return ConfigError(
            f"The journal cannot be written in {str(self.path.parent)!r} ({why}): "
            f"set {variable('home')} to a folder where it can; nothing is paid for without it."
        )


def query_read_only(path: Path, sql: str) -> list[Any] | None:
    """The rows that a query finds in a file, without opening it as ours; None where that cannot be told so quickly."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as connection:
            return connection.execute(sql).fetchall()
    except sqlite3.Error:
        return None


def _code(error: Exception) -> int | None:
    """SQLite's primary result code, without the details of its extended ones; None where the error is Python's."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _inode(path: Path) -> int:
    """Which file this is, whatever its name; 0 where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _is_local(folder: Path) -> bool:
    """Whether a folder is on a file system of this machine alone."""
    import psutil  # start-up

    folder = folder.resolve()
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    nearest = max(mounts, key=lambda part: len(part.mountpoint), default=None)
    return nearest is not None and nearest.fstype.lower() in LOCAL_FILE_SYSTEMS and "remote" not in nearest.opts
