"""What differs between Linux, macOS and Windows, in one place: the rest of the package names no system.

Windows refuses some names and, unless it is set to take them, paths over 259 characters; a file that another program
holds open can be neither renamed nor deleted there, and scanners hold each new file for a moment. macOS and Windows
take `Sea` and `sea` for the same name, and macOS may store the accents of a name apart from their letters.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import shutil
import unicodedata
import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from time import sleep, time
from typing import BinaryIO, TypeVar

from luma_jupyter.languages import N_

WINDOWS = os.name == "nt"
PAUSES = (0.05, 0.1, 0.2, 0.4)  # seconds between tries at a file that another program holds open
STALE = 3600.0  # seconds after which nobody writes to a temporary file any more
LONGEST_FOLDER = 247  # characters of a folder's path in Windows (learn.microsoft.com, "Maximum Path Length Limitation")
# Windows has devices of these names in every folder (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
_DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
_DEVICES |= {f"{port}{number}" for port in ("COM", "LPT") for number in "123456789¹²³"}
_REFUSED = set('<>:"/\\|?*') | set(map(chr, range(32)))
_NO_FLUSH = (errno.EINVAL, errno.ENOTSUP)  # what a drive of another machine answers that cannot be asked for it
_FILENAME_EXCED_RANGE = 206  # Windows: a name or a path is too long

_T = TypeVar("_T")


# Processes.


def at_fork(
    *,
    child: Callable[[], object],
    before: Callable[[], object] | None = None,
    parent: Callable[[], object] | None = None,
) -> None:
    """Call these methods around each fork, as long as their object lives; nothing where the system does not fork.

    A child has neither its parent's threads nor its locks nor its connections.
    """
    if hasattr(os, "register_at_fork"):
        hooks = {"before": before, "after_in_parent": parent, "after_in_child": child}
        os.register_at_fork(**{when: _weakly(method) for when, method in hooks.items() if method})


def _weakly(method: Callable[[], object]) -> Callable[[], None]:
    reference = weakref.WeakMethod(method)

    def call() -> None:
        if alive := reference():
            alive()

    return call


def processor() -> str:
    """The kind of this machine's processor, such as ``x86_64`` and ``arm64``, by one name on all systems."""
    kind = platform.machine().lower()
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(kind, kind)


def names_folder(path: str) -> bool:
    """Whether a path is written as a folder's: its end is a slash of this system."""
    return path.endswith(tuple(filter(None, ("/", os.sep, os.altsep))))


def process_namespace() -> str:
    """What tells a container's process numbers from another's; empty where the system has one set of them."""
    with suppress(OSError, AttributeError):
        return os.readlink("/proc/self/ns/pid")
    return ""


# Names.


def is_device_name(name: str) -> bool:
    """Whether Windows takes a file's name for a device, whatever its suffix and its folder."""
    return name.partition(".")[0].rstrip(" ").upper() in _DEVICES


def refused_part(path: str) -> str | None:
    """The part of a path that Windows takes for something else than a name; None elsewhere, and where all are names.

    It would write to a device, into a stream beside another file, or under a name without its last characters.
    """
    pure = PureWindowsPath(path)
    parts = pure.parts[1:] if pure.anchor else pure.parts
    return next((part for part in parts if WINDOWS and _is_refused(part)), None)


def _is_refused(part: str) -> bool:
    return part != ".." and (is_device_name(part) or part[-1] in ". " or bool(_REFUSED & set(part)))


def plain_form(name: str) -> str:
    """A file's name without what some file systems do not keep: case, and whether accents stand apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_same_folder(one: Path, other: Path) -> bool:
    """Whether two paths name one folder; where they differ by their form alone, the file system has to say so."""
    if one == other:
        return True
    if plain_form(str(one)) != plain_form(str(other)):
        return False
    with suppress(OSError):
        return one.samefile(other)
    return False


# Files.


def patiently(call: Callable[[], _T]) -> _T:
    """Use a file, also if another program holds it open for a moment. Raises PermissionError where it goes on."""
    for pause in PAUSES if WINDOWS else ():
        try:
            return call()
        except PermissionError:
            sleep(pause)
    return call()


def is_held(error: OSError) -> bool:
    """Whether an error is the one of a file that another program holds open; systems other than Windows have none."""
    return WINDOWS and isinstance(error, PermissionError)


def rename(path: Path, other: Path) -> None:
    """Give a file another name; a file that has it is replaced, where the file system does that. Raises OSError."""
    patiently(lambda: os.replace(path, other))


def link(path: Path, other: Path) -> None:
    """Have a file under another name, too. Raises OSError, also where the file system has no links."""
    os.link(path, other)


def discard(path: Path) -> None:
    """Delete a file of ours that nobody needs; one that cannot be deleted stays."""
    with suppress(OSError):
        patiently(lambda: path.unlink(missing_ok=True))


def remove_stale(folder: Path, name: str) -> None:
    """Delete what killed kernels have left in a folder: temporary files and folders whose whole names match ``name``.

    That is a regular expression which nothing of the user's matches.
    """
    for left in folder.glob("*"):
        with suppress(OSError):
            if re.fullmatch(name, left.name) and time() - left.stat().st_mtime > STALE:
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    discard(left)


def make_private(path: Path) -> None:
    """Make an empty file for this user alone, from its first moment, unless it is there. Raises OSError."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def flush(file: BinaryIO) -> None:
    """Bring what was written to the disk, as far as the file system can be asked for that. Raises OSError."""
    file.flush()
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise


def file_id(path: Path) -> int:
    """Which file this is, whatever its name; 0 where there is none, or the file system does not say."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def file_mark(stat: os.stat_result) -> str:
    """What changes when a file does; the last time is that of any change, which nobody can set (not on Windows)."""
    return f"{stat.st_ino} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def is_too_long(error: OSError) -> bool:
    """Whether an error of making something says that its path is too long; Windows calls such a file "not found"."""
    if error.errno == errno.ENAMETOOLONG or getattr(error, "winerror", None) == _FILENAME_EXCED_RANGE:
        return True
    length = max(len(str(path)) for path in (error.filename, error.filename2))
    return WINDOWS and isinstance(error, FileNotFoundError) and length > LONGEST_FOLDER


def reason(error: OSError) -> str:
    """Why a file or folder could not be made, in words."""
    return N_("its path is too long") if is_too_long(error) else error.strerror or str(error)
