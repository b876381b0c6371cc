"""A SQLite file that several processes share, and that never stands in their way.

Each commit reaches the disk (``synchronous=FULL``) before it counts. Write-ahead logging makes that quick, but needs
shared memory, which network file systems do not have; there the slower rollback journal is used. A busy file is waited
for. A file that is damaged or belongs to something else is set aside under another name, and a new one is begun, with
all that could be read of a damaged one. One that a newer version wrote is read, and never written or moved: two
versions on one home must not forget each other's spending.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, closing, contextmanager, suppress
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from luma_jupyter.errors import ConfigError
from luma_jupyter.interrupts import deferred_interrupt
from luma_jupyter.jitter import jitter
from luma_jupyter.languages import N_, ngettext
from luma_jupyter.languages import gettext as _
from luma_jupyter.operating_system import at_fork, file_id, is_held, make_private, rename
from luma_jupyter.operating_system import reason as reason_of
from luma_jupyter.settings import variable

if TYPE_CHECKING:
    from luma_jupyter.engine.store.salvage import Salvage

BUSY_TIMEOUT = 30.0  # seconds that a busy file is waited for
BUSY_PAUSES = 0.001, 0.01  # seconds between two looks at a busy file, the first and the longest
# Where write-ahead logging is known to work: file systems of this machine alone.
LOCAL_FILE_SYSTEMS = frozenset(
    [
        *("apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "hfs", "jfs", "msdos", "ntfs"),
        *("overlay", "ramfs", "tmpfs", "ufs", "vfat", "xfs", "zfs"),
    ]
)
# What machines share: the file systems of hubs and clusters, and programs that mount what is elsewhere ("fuse.sshfs").
NETWORK_FILE_SYSTEMS = frozenset(
    [
        *("9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4"),
        *("orangefs", "pvfs2", "smb2", "smb3", "smbfs", "virtiofs", "wekafs"),
        *("blobfuse", "blobfuse2", "gcsfuse", "goofys", "juicefs", "mountpoint-s3", "rclone", "s3fs", "sshfs"),
    ]
)
NEWER_ADVICE = N_(
    "What was made is played, and nothing is paid for by this version. Update it (pip install -U luma-jupyter), then "
    "restart the kernel."
)
_T = TypeVar("_T")
_PAGE = 4096  # bytes; in pages of this size SQLite begins a file
_PAGE_COUNT = slice(28, 32)  # of the first page (sqlite.org/fileformat2.html, 1.3)
_LOGS = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a file
_LENIENT = methodcaller("decode", errors="replace")  # of texts: a damaged row is one row
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Busy(ConfigError):
    """Another program writes to the file."""


class Database:
    """The file at ``path``, opened when first used.

    ``migrations`` bring its tables to this version's form, one by one; ``additions`` are tables and indexes that
    earlier versions do not know and need not know, each with the statements that make it where nothing has its name:
    they do not count for the file's version.
    All that these and the migrations make has to be named on the file's first page, which is how a journal can be read
    whose first page is lost. ``salvage`` brings what can be read of a damaged file into a new one. ``notify`` gets one
    line when something happened to the file that a user should know; ``clock`` (Unix seconds) dates what is set aside.

    All calls raise ConfigError when the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        migrations: Sequence[str],
        additions: Mapping[str, Sequence[str]],
        *,
        salvage: Callable[[sqlite3.Connection, sqlite3.Connection, float], Salvage],
        clock: Callable[[], float],
        notify: Callable[[str], None],
    ) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        self._times_opened = 0
        self._times_set_aside = 0
        self._migrations = migrations
        self._additions = additions
        self._salvage = salvage
        self._clock = clock
        self._notify = notify
        self._reset()
        at_fork(before=self._before_fork, parent=self._after_fork, child=self._reset)

    def _reset(self) -> None:
        """Start anew, as in a forked child."""
        self._connection: sqlite3.Connection | None = None
        self._file_id = 0
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
    def transaction(self, patience: float | None = None) -> Iterator[None]:
        """What is read and written inside happens at once, as other kernels see it; nothing stays if it raises.

        Other threads of this kernel wait outside; a transaction within another is a part of it. Raises Busy where it
        cannot begin within ``patience`` (seconds; None: `BUSY_TIMEOUT`).
        """
        with deferred_interrupt(), ExitStack() as held:  # nobody else would end what has begun
            begun = self._patiently(lambda: self._begin(held), patience)
            try:
                self._inside = True
                yield
                if begun:
                    self.execute("COMMIT")
            except BaseException:
                if begun and self._connection:
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise
            finally:
                self._inside = not begun

    def _begin(self, held: ExitStack) -> bool:
        """Begin a transaction, unless this is within one; from here on this thread has the lock. Raises Busy."""
        if begun := not self._inside:
            self._execute_here("BEGIN IMMEDIATE")
            while file_id(self.path) != self._file_id:  # it was set aside while this one waited for its turn
                self.close()
                self._execute_here("BEGIN IMMEDIATE")
        held.enter_context(self._lock)
        return begun

    def _patiently(self, work: Callable[[], _T], patience: float | None = None) -> _T:
        """Do ``work`` when the file is not busy; other threads of this kernel go on meanwhile.

        SQLite itself would look ten times a second where many wait, so who comes late could be first again and again.
        """
        deadline = time.monotonic() + (BUSY_TIMEOUT if patience is None else patience)
        pause, longest = BUSY_PAUSES
        while True:
            try:
                with deferred_interrupt(), self._lock:
                    return work()
            except Busy:
                if time.monotonic() > deadline:
                    raise
            time.sleep(pause * (1 + jitter()) / 2)
            pause = min(2 * pause, longest)

    def transact(self, work: Callable[[], _T], patience: float | None = None) -> _T:
        """What ``work`` does, in a `transaction`; done anew in a new file where this one proves to be damaged.

        As a part of another transaction it is not: that one has read what is gone.
        """
        with deferred_interrupt(), self._lock:
            inside, before = self._inside, self._times_set_aside
        try:
            with self.transaction(patience):
                return work()
        except ConfigError:
            if inside or self._times_set_aside == before:
                raise
        with self.transaction():
            return work()

    def execute(self, sql: str, *values: object) -> tuple[list[Any], int]:
        """The found rows and the number of changed ones; from a new file where this one proves to be damaged."""
        return self._patiently(lambda: self._execute_here(sql, *values))

    def _execute_here(self, sql: str, *values: object) -> tuple[list[Any], int]:
        """As `execute`, under the lock. Raises Busy."""
        if self._inside and not self._connection:  # the file that the transaction had begun in was set aside
            raise self._unusable(_damage(N_("it was set aside")))
        try:
            try:
                return self._execute(sql, values)
            except sqlite3.DatabaseError as error:
                if _code(error) not in _DAMAGE or self._newer:
                    raise
                self._set_aside("damaged")
                if self._inside:  # what the transaction has read is gone
                    raise
                return self._execute(sql, values)
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def version(self) -> object:
        """What is another one once anything has changed in the file, by this kernel or another."""
        with self._lock:
            ((version,),), _ = self.execute("PRAGMA data_version")
            return self._times_opened, version, self._connection and self._connection.total_changes

    @property
    def is_newer(self) -> bool:
        """Whether a newer version wrote the file."""
        with self._lock:
            self.execute("SELECT 1")  # opens it
            return self._newer

    def verify(self) -> None:
        """Look through the whole file, as a damage may show in no query; a new one takes its place then."""
        with self._lock:
            (finding, *_), _ = self.execute("PRAGMA integrity_check(1)")
            if finding != ("ok",) and not self._newer:
                self._set_aside("damaged")

    def _execute(self, sql: str, values: tuple[object, ...]) -> tuple[list[Any], int]:
        try:
            cursor = self._current().execute(sql, values)
            return cursor.fetchall(), cursor.rowcount
        except UnicodeDecodeError:  # of an error whose words quote a damaged schema
            raise _damage(N_("its schema cannot be read")) from None
        except sqlite3.OperationalError as error:
            if _code(error) is not None or not self._connection or self._connection.text_factory is not str:
                raise
            self._connection.text_factory = _LENIENT
        return self._execute(sql, values)

    def _current(self) -> sqlite3.Connection:
        """The connection to the file that is there now: somebody may have moved the one that was opened."""
        if self._connection and not self._inside and file_id(self.path) != self._file_id:
            self.close()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (self._lock_path, self.path):
                make_private(path)
        except OSError as error:
            raise self._unusable(error) from None
        self._times_opened += 1
        with self._file_lock():
            self._file_id = file_id(self.path)
            connection = _connect(self.path)
            try:
                unusable = self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        if not unusable:
            connection.execute("PRAGMA busy_timeout = 0")  # `_patiently` waits
            connection.text_factory = str  # a function takes twice as long; what is damaged is refused
            return connection
        connection.close()
        self._set_aside(unusable)
        return self._open()

    @contextmanager
    def _file_lock(self) -> Iterator[None]:
        """One kernel at a time opens the file or moves it. The lock is an empty database: it ends with its holder.

        Whatever else is in its file got there by a damage, and is dropped.
        """
        if self._lock_path.stat().st_size:
            os.truncate(self._lock_path, 0)  # the same file: who holds the lock meanwhile goes on holding it
        with closing(sqlite3.connect(self._lock_path, timeout=BUSY_TIMEOUT, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            yield

    def _prepare(self, connection: sqlite3.Connection) -> str | None:
        """Bring the file to this version's form; where that cannot be done, why."""
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")  # macOS: without it, the disk may still hold it in its memory
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        self._newer = version > len(self._migrations)
        if self._newer:
            connection.execute("COMMIT")
            connection.execute("PRAGMA query_only = ON")
            self._notify(f"{self._newer_finding} {NEWER_ADVICE}")
            return None
        if not ("tasks" in there if version else not there):
            return "foreign"
        self._bring_forward(connection, version, there)
        connection.execute("COMMIT")
        connection.execute(f"PRAGMA journal_mode = {'WAL' if _is_local(self.path.parent) else 'DELETE'}")
        return None

    def _bring_forward(self, connection: sqlite3.Connection, version: int, there: Set[str] = frozenset()) -> None:
        """Give a file of an earlier version the tables of this one; 0: an empty file. ``there`` are all names in it."""
        for migration in self._migrations[version:]:
            for statement in migration.split(";"):
                connection.execute(statement)
        for name, statements in self._additions.items():
            for statement in statements if name not in there else ():
                connection.execute(statement)
        if version < len(self._migrations):
            connection.execute(f"PRAGMA user_version = {len(self._migrations)}")

    def close(self) -> None:
        """Close the connection; it is opened again when needed. From any thread."""
        with deferred_interrupt(), self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None

    def _set_aside(self, why: str) -> None:
        """Rename the file, unless another kernel has done so already, and begin a new one with what can be read."""
        self._times_set_aside += 1
        self.close()
        stamp = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(self._clock()))}-{os.getpid()}"
        aside = self.path.with_name(f"journal-{why}-{stamp}.sqlite3")
        while aside.exists():
            aside = aside.with_stem(f"{aside.stem}-again")
        folder = self.path.parent
        try:
            with self._file_lock(), tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as work:
                if file_id(self.path) != self._file_id:
                    return
                new = Path(work, "new.sqlite3")
                left = self._begin_with_what_is_left(new) if why == "damaged" else None
                _move(self.path, aside)
                if left:
                    rename(new, self.path)
        except OSError as error:
            if not is_held(error):
                raise self._unusable(error) from None
            raise ConfigError(
                f"The journal in {str(folder)!r} is damaged, and other programs hold it open: shut down the other "
                "kernels, then run this again; nothing is paid for without it."
                if why == "damaged"
                else f"The journal in {str(folder)!r} is not one of luma_jupyter's, and other programs hold it open: "
                "shut down the other kernels, then run this again; nothing is paid for without it."
            ) from None
        told = (
            _("The journal of your clips is damaged; it was set aside as {name}, and a new one was begun.")
            if why == "damaged"
            else _(
                "The journal of your clips is not one of luma_jupyter's; it was set aside as {name}, and a new one was "
                "begun."
            )
        )
        self._notify(f"{told.format(name=aside.name)} {_account(left)}")

    def _begin_with_what_is_left(self, new: Path) -> Salvage:
        """Begin a new file with all that can be read of this one, whose damage goes as far as nobody knows."""
        make_private(new)
        with closing(_connect(new)) as fresh:
            fresh.execute("BEGIN")
            self._bring_forward(fresh, 0)
            fresh.execute("COMMIT")
            fresh.execute("BEGIN")
            with closing(self._open_damaged(new)) as damaged:
                left = self._salvage(damaged, fresh, self._clock())
            fresh.execute("COMMIT")
        return left

    def _open_damaged(self, new: Path) -> sqlite3.Connection:
        """The damaged file as far as it can be read; others are kept from writing to it, where its damage allows that.

        Where not even its first page can be read, it is a copy with that of the new one.
        """
        damaged = _connect(self.path)
        try:
            damaged.execute("BEGIN IMMEDIATE")
            damaged.execute("SELECT name FROM sqlite_master").fetchall()
            return damaged
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            damaged.close()
        copy = new.with_name("copy.sqlite3")
        for end in ("", *_LOGS):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{self.path}{end}", f"{copy}{end}")
        _mend_first_page(copy, new)
        return _connect(copy)

    @property
    def _newer_finding(self) -> str:
        return N_(f"The journal in {str(self.path.parent)!r} was written by a newer version of luma_jupyter.")

    def _unusable(self, error: Exception) -> ConfigError:
        if self._newer and _code(error) == sqlite3.SQLITE_READONLY:
            return ConfigError(f"{self._newer_finding} {NEWER_ADVICE}")
        folder, reason = self.path.parent, reason_of(error) if isinstance(error, OSError) else str(error)
        if _code(error) in _DAMAGE and not self._newer:  # met within a transaction, which has read what is gone
            return ConfigError(f"The journal was damaged ({reason}), and has just been made anew: run this again.")
        kind = Busy if _code(error) == sqlite3.SQLITE_BUSY else ConfigError
        return kind(
            N_(
                f"The journal of your clips cannot be written in {str(folder)!r} ({reason}): "
                f"set {variable('home')} to a folder where it can; nothing is paid for without it."
            )
        )


def _move(path: Path, aside: Path) -> None:
    """Rename a file and what SQLite keeps beside it, all or nothing. Raises OSError."""
    moved: list[str] = []
    try:
        for end in (*_LOGS, ""):  # a new file must never meet the old one's log
            if os.path.exists(f"{path}{end}"):
                rename(Path(f"{path}{end}"), Path(f"{aside}{end}"))
                moved.append(end)
    except OSError:
        for end in moved:
            rename(Path(f"{aside}{end}"), Path(f"{path}{end}"))
        raise


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
    connection.text_factory = _LENIENT
    return connection


def _mend_first_page(damaged: Path, model: Path) -> None:
    """Give a copy of a damaged journal the first page of a new one, as without that SQLite reads nothing at all.

    It says where each table begins, which is the same in all journals: their tables are made at once.
    """
    page = bytearray(model.read_bytes()[:_PAGE])
    page[_PAGE_COUNT] = (damaged.stat().st_size // _PAGE).to_bytes(4, "big")
    with damaged.open("r+b") as file:
        file.write(page)


def _account(left: Salvage | None) -> str:
    """What is left of a file that was set aside, in words that say what to do, in the reader's language."""
    if left is None or not left.kept + left.lost:
        return _("What was unfinished or spent today is forgotten: look at the services' consoles before you go on.")
    kept = ngettext("{count} clip was read and kept", "{count} clips were read and kept", left.kept)
    kept = kept.format(count=left.kept)
    if not left.lost:
        return _("{kept}; no other is known to have been in it.").format(kept=kept)
    lost = _("{kept}, {lost} lost: look at the services' consoles before you ask for the lost ones again.")
    return lost.format(kept=kept, lost=left.lost)


def query_read_only(path: Path, sql: str) -> list[Any] | None:
    """The rows that a query finds in a file, without opening it as ours; None where that cannot be told so quickly."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as connection:
            return connection.execute(sql).fetchall()
    except sqlite3.Error:
        return None


def storable(text: str) -> str:
    """Text as SQLite can hold it: a service, or an old folder name, may bring half a character."""
    return text.encode(errors="backslashreplace").decode()


def _damage(why: str) -> sqlite3.DatabaseError:
    """SQLite's error for a damaged file."""
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _code(error: Exception) -> int | None:
    """SQLite's primary result code, without the details of its extended ones; None where the error is Python's."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_local(folder: Path) -> bool:
    """Whether a folder is on a file system of this machine alone."""
    kind, remote = _file_system(folder)
    return kind in LOCAL_FILE_SYSTEMS and not remote


def network_file_system(folder: Path) -> str | None:
    """The name of the network file system that a folder is on; None where it is on none, or that is not told."""
    kind, remote = _file_system(folder)
    return kind if remote or kind.removeprefix("fuse.") in NETWORK_FILE_SYSTEMS else None


def _file_system(folder: Path) -> tuple[str, bool]:
    """What a folder is on: the kind of file system, empty where that is not told, and whether it is called remote."""
    import psutil  # start-up

    folder = folder.resolve()
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.is_relative_to(part.mountpoint)]
    nearest = max(mounts, key=lambda part: len(part.mountpoint), default=None)
    return (nearest.fstype.lower(), "remote" in nearest.opts) if nearest else ("", False)
