"""What differs between operating systems: in one module alone, and the package works where it is absent."""

from __future__ import annotations

import ast
import errno
import os
import subprocess
import sys
import textwrap
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import luma_jupyter
from luma_jupyter import operating_system
from luma_jupyter.operating_system import (
    PAUSES,
    discard,
    file_id,
    flush,
    is_device_name,
    is_held,
    is_same_folder,
    is_too_long,
    make_private,
    names_folder,
    patiently,
    plain_form,
    process_namespace,
    processor,
    reason,
    refused_part,
    rename,
)
from tests.support.demo import SHORTEST_FILMS
from tests.support.file_systems import be_windows

PACKAGE = Path(luma_jupyter.__file__).parent

# Functions and constants that a system lacks, or that do not do the same on all; and modules that some do not have.
OS = {
    *("O_CREAT", "O_EXCL", "O_RDWR", "O_DIRECTORY", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "access", "chmod", "chown"),
    *("close", "dup", "fchmod", "fdopen", "fork", "fsync", "getpgid", "getppid", "getuid", "geteuid", "kill", "killpg"),
    *("link", "lstat", "mkfifo", "name", "open", "pipe", "readlink", "register_at_fork", "remove", "rename", "renames"),
    *("replace", "sep", "setsid", "startfile", "symlink", "sync", "uname", "unlink", "waitpid"),
}
SIGNAL_OF_ALL = {"SIGINT", "default_int_handler", "getsignal", "raise_signal", "signal"}
PLATFORM_OF_ALL = {"node", "python_version"}
MODULES = {"fcntl", "grp", "msvcrt", "posix", "pwd", "resource", "termios", "tty", "winreg", "_winapi"}
METHODS = {"add_signal_handler", "chmod", "hardlink_to", "rename", "symlink_to", "unlink"}
FIELDS = {"st_ino", "st_dev", "st_mode", "winerror"}
PLACES = ("/proc", "/tmp", "/dev/", "/etc", "/var", "/home", "C:\\")


def _differences(tree: ast.AST) -> Iterator[str]:
    """What a module uses of what differs between systems."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from MODULES & {name.name for name in names}
            case ast.ImportFrom(module=("os" | "signal" | "platform"), names=names):
                yield from OS & {name.name for name in names}
            case ast.ImportFrom(module=module) if module in MODULES:
                yield str(module)
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in OS:
                yield f"os.{name}"
            case ast.Attribute(value=ast.Name(id="signal"), attr=name) if name not in SIGNAL_OF_ALL:
                yield f"signal.{name}"
            case ast.Attribute(value=ast.Name(id="platform"), attr=name) if name not in PLATFORM_OF_ALL:
                yield f"platform.{name}"
            case ast.Attribute(value=ast.Name(id="sys"), attr="platform"):
                yield "sys.platform"
            case ast.Attribute(attr=name) if name in FIELDS:
                yield name
            case ast.Constant(value=str(text)) if text.startswith(PLACES):
                yield text
            case ast.Call(func=ast.Attribute(value=ast.Name(id="operating_system" | "os")), args=_):
                pass
            case ast.Call(func=ast.Attribute(attr=name), args=args) if name in METHODS:
                yield f".{name}({len(args)})"
            case ast.Call(func=ast.Attribute(attr="replace"), args=[_], keywords=[]):
                yield "Path.replace"  # a text's has two arguments, a date's has names


@pytest.mark.parametrize(
    ("told", "kind"), [("AMD64", "x86_64"), ("x86_64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")]
)
def test_a_processor_has_one_name_on_all_systems(monkeypatch: pytest.MonkeyPatch, told: str, kind: str) -> None:
    """Windows, Linux and macOS call equal processors by names of their own."""
    monkeypatch.setattr("platform.machine", lambda: told)
    assert processor() == kind


def test_folder_is_named_by_the_slashes_of_its_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slash always, a backslash on Windows alone."""
    assert [names_folder(path) for path in ("slides/", "slides", "slides\\")] == [True, False, False]
    monkeypatch.setattr("os.altsep", "\\")
    assert names_folder("slides\\")


def _opened_as_text(tree: ast.AST) -> Iterator[int]:
    """The lines in which a file is opened as text in the encoding that the system likes."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        named = {keyword.arg for keyword in node.keywords}
        of_path = name in ("read_text", "write_text") and isinstance(node.func, ast.Attribute)
        opened = name == "open" and not any("b" in mode for mode in modes) and isinstance(node.func, ast.Name)
        if (of_path or opened) and "encoding" not in named:
            yield node.lineno


@cache
def _trees() -> list[tuple[str, ast.AST]]:
    return [
        (path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


def test_differences_between_systems_stand_in_one_module() -> None:
    """No other module uses a function, constant or place that a system lacks or does otherwise; but for the gateway,
    a service, which says on Windows that it does not run there."""
    trees = [(name, tree) for name, tree in _trees() if not name.startswith("gateway/")]
    found = {name: sorted(set(_differences(tree))) for name, tree in trees}
    assert [name for name, differences in found.items() if differences] == ["operating_system.py"]
    assert {"os.register_at_fork", "os.fsync", "os.replace", "st_ino", "os.name"} <= set(found["operating_system.py"])


def test_no_text_is_read_in_the_encoding_of_the_system() -> None:
    """Each text file is opened with its encoding."""
    assert {name: lines for name, tree in _trees() if (lines := list(_opened_as_text(tree)))} == {}


# What Windows and some macOS have not, taken away after others were imported: they have their own ways there.
WITHOUT = """
import asyncio, logging, os, random, shutil, signal, subprocess, sys, tempfile, threading
import anywidget, av, httpx, ipywidgets, numpy, PIL.Image, platformdirs, psutil, tornado.web, tornado.httpserver
import concurrent.futures, sqlite3, multiprocessing, IPython.terminal.embed, IPython.core.interactiveshell
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
asyncio.run(asyncio.sleep(0))
missing = '''register_at_fork fork forkpty link symlink fchmod fchown chown chroot getuid geteuid getgid
getegid getpgid setsid uname nice killpg mkfifo wait waitpid statvfs getloadavg O_DIRECTORY O_NOFOLLOW O_CLOEXEC
O_NONBLOCK O_SYNC sync fdatasync'''.split()
for name in missing:
    if hasattr(os, name):
        delattr(os, name)
for name in [name for name in dir(signal) if name.startswith("SIG")]:
    if name not in ("SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV", "SIG_DFL", "SIG_IGN"):
        delattr(signal, name)
shutil._use_fd_functions = False  # as its rmtree is there
for name in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "posix"):
    sys.modules[name] = None
{more}
shell = InteractiveShell.instance(config=Config({{"HistoryManager": {{"enabled": False}}}}))
shell.run_line_magic("load_ext", "luma_jupyter")
import luma_jupyter as luma
{short_films}
luma.configure(demo_seconds=0.1, home="home")
shell.run_cell_magic("luma", "-o fox --wait", "A red fox")
fox = shell.user_ns["fox"]
fox.extend("It runs").wait()
copy = fox.save("copy.mp4")
assert copy.read_bytes() == fox.path.read_bytes()
assert fox.path.with_suffix(".json").is_file()
assert len(luma.clips()) == 2
shell.run_line_magic("unload_ext", "luma_jupyter")
print("well", end="", file=sys.stderr)
"""
AS_ON_WINDOWS = """
from luma_jupyter import operating_system
operating_system.WINDOWS = True
"""
AS_ON_MACOS = """
def fail(*args):
    raise OSError(45, "Operation not supported")  # its number on macOS
import errno
errno.ENOTSUP = 45
os.fsync = fail
"""


@pytest.mark.slow
@pytest.mark.parametrize("more", [AS_ON_WINDOWS, AS_ON_MACOS], ids=["Windows", "macOS"])
def test_package_works_where_these_functions_are_absent_or_fail(tmp_path: Path, more: str) -> None:
    """It is imported and loaded, makes, extends, saves and lists demo clips, and is unloaded."""
    script = textwrap.dedent(WITHOUT).format(more=more, short_films=SHORTEST_FILMS)
    environ = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "IPYTHONDIR": str(tmp_path / "ipython")}
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (run.stderr, run.returncode) == ("well", 0)


@pytest.mark.parametrize(
    "path",
    [
        "con",
        "CON.mp4",
        "a/nul.txt",
        "com1",
        "lpt³.x",
        "con .txt",
        "a.",
        "b ",
        "boat: 1.mp4",
        "C:\\x\\aux",
        "what?",
        "a\nb",
    ],
)
def test_windows_takes_these_for_no_file(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Devices, streams, names that would lose their ends, and signs that no name has; elsewhere they are names."""
    assert refused_part(path) is None
    be_windows(monkeypatch)
    assert refused_part(path)


@pytest.mark.parametrize(
    "path", ["a.mp4", "C:\\x\\y.mp4", "..\\a", "../a.b", ".", "console.mp4", "\\\\host\\share\\a", "Séa 1"]
)
def test_windows_takes_these_for_files(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Drives, shares and folders above are no names that it refuses."""
    be_windows(monkeypatch)
    assert refused_part(path) is None
    assert not is_device_name(path)


def test_folders_are_the_same_where_the_file_system_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another case or form is another folder here, the same one there; one that is gone is only what it is called."""
    one, other = tmp_path / "Séa", tmp_path / unicodedata.normalize("NFD", "sÉa")
    one.mkdir()
    assert is_same_folder(one, one)
    assert not is_same_folder(one, other)
    other.mkdir()
    assert not is_same_folder(one, other)
    monkeypatch.setattr(Path, "samefile", lambda path, other: True)
    assert is_same_folder(one, other)
    assert not is_same_folder(one, tmp_path)
    assert plain_form(one.name) == plain_form(other.name)


def test_patience_ends_after_a_second_and_belongs_to_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere a file that may not be used is told at once; other errors are so everywhere."""

    def refuse() -> None:
        raise PermissionError(13, "Permission denied")

    pauses: list[float] = []
    monkeypatch.setattr(operating_system, "sleep", pauses.append)
    monkeypatch.setattr(operating_system, "WINDOWS", False)
    with pytest.raises(PermissionError) as caught:
        patiently(refuse)
    assert (pauses, is_held(caught.value)) == ([], False)
    pauses = be_windows(monkeypatch)
    with pytest.raises(PermissionError) as caught:
        patiently(refuse)
    assert (pauses, is_held(caught.value)) == (list(PAUSES), True)
    assert sum(PAUSES) < 1
    with pytest.raises(FileNotFoundError):
        patiently(Path("missing").read_bytes)
    assert len(pauses) == len(PAUSES)


def test_file_is_renamed_discarded_and_made_for_one_user(tmp_path: Path) -> None:
    """A file takes another's place; what is not there, and what cannot be deleted, is no error; none is emptied."""
    one, other = tmp_path / "one", tmp_path / "other"
    make_private(one)
    one.write_bytes(b"content")
    make_private(one)
    other.touch()
    before = file_id(one)
    rename(one, other)
    assert (other.read_bytes(), file_id(other), file_id(one)) == (b"content", before, 0)
    for path in (other, one, tmp_path):
        discard(path)
    assert list(tmp_path.iterdir()) == []


def test_flush_asks_as_far_as_the_file_system_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drive that cannot be asked is written to all the same; a disk that is full is told."""
    with (tmp_path / "a").open("wb") as file:
        for code, raised in ((errno.EINVAL, False), (errno.ENOTSUP, False), (errno.ENOSPC, True), (errno.EIO, True)):

            def fail(number: int, code: int = code) -> None:
                raise OSError(code, os.strerror(code))

            monkeypatch.setattr(os, "fsync", fail)
            if raised:
                with pytest.raises(OSError, match=os.strerror(code)):
                    flush(file)
            else:
                flush(file)


def test_reason_says_that_a_path_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever way the system says it; what is short and not found is not found."""
    by_windows = OSError(errno.EINVAL, "The filename or extension is too long")
    by_windows.winerror = 206  # type: ignore[attr-defined]
    not_found = FileNotFoundError(errno.ENOENT, "No such file", "a", None, "b" * 260)
    assert not is_too_long(not_found)
    be_windows(monkeypatch)
    for error in (OSError(errno.ENAMETOOLONG, "File name too long"), by_windows, not_found):
        assert reason(error) == "its path is too long"
    assert reason(FileNotFoundError(errno.ENOENT, "No such file", "a")) == "No such file"
    assert reason(OSError("odd")) == "odd"


def test_process_namespace_is_empty_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows and macOS have no such file; some Pythons cannot read a link at all."""

    def fail(path: str) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "readlink", fail)
    assert process_namespace() == ""
    monkeypatch.delattr(os, "readlink")
    assert process_namespace() == ""
