"""The package as a whole: its public names, what importing it costs, and its extension hooks."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import luma_jupyter
from tests.support import settings

OLD_MODULES = ("files", "models", "notebook", "notebook.clip", "notebook.clips")  # that pickles of 0.1.0 name
HEAVY = {"IPython", "anywidget", "av", "httpx", "ipywidgets", "numpy", "platformdirs", "psutil", "sqlite3", "tornado"}


def modules_after(code: str) -> set[str]:
    """The names of all modules that are loaded in a fresh interpreter after ``code``."""
    code = f"import sys\n{code}\nimport json; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


def test_there_are_exactly_these_public_names() -> None:
    """Nobody adds or removes a public name by accident."""
    errors = "ClipError ClipFailed ClipNotReady ClipUnconfirmed ConfigError InvalidRequest LumaError OverBudget"
    functions = (
        "adopt batch clips collect compare configure contact_sheet extend film gallery generate handin modify sheet"
    )
    assert " ".join(luma_jupyter.__all__) == f"Clip {errors} Studio WaitTimeout {functions}"


def test_each_folder_names_what_is_in_it() -> None:
    """A newcomer finds the right file by reading a folder's docstring: each module and folder in it has its line."""
    root = Path(luma_jupyter.__file__).parent
    folders = [found.parent for found in root.rglob("__init__.py") if found.parent != root]
    assert len(folders) > 15
    missing = [
        f"{folder.relative_to(root)}: {module.stem}"
        for folder in folders
        for module in folder.glob("*.py")
        if module.stem != "__init__"
        and not re.search(rf"\b{module.stem}\b", (folder / "__init__.py").read_text(encoding="utf-8"))
    ]
    assert missing == []


@pytest.mark.parametrize("name", luma_jupyter.__all__)
def test_a_public_name_can_be_imported_and_is_documented(name: str) -> None:
    """Each public name can be imported, comes from this package, is documented, and shows in `dir`."""
    value = getattr(luma_jupyter, name)
    assert value.__module__.startswith("luma_jupyter.")
    assert inspect.getdoc(value)
    assert name in dir(luma_jupyter)


def test_star_import_gives_the_public_names() -> None:
    """`from luma_jupyter import *` gives exactly the public names."""
    names: dict[str, object] = {}
    exec("from luma_jupyter import *", names)
    assert sorted(set(names) - {"__builtins__"}) == luma_jupyter.__all__


def test_an_unknown_name_is_an_ordinary_error() -> None:
    """A misspelt name fails as in any module, so that `hasattr` and mocking tools work."""
    with pytest.raises(AttributeError, match="module 'luma_jupyter' has no attribute 'genrate'"):
        luma_jupyter.genrate  # noqa: B018
    assert not hasattr(luma_jupyter, "__wrapped__")


def test_importing_the_package_loads_none_of_its_modules() -> None:
    """`import luma_jupyter` alone loads nothing heavy, and no module of its own but the names of old pickles."""
    loaded = modules_after("import luma_jupyter")
    assert not loaded & HEAVY
    old = {f"luma_jupyter.{name}" for name in OLD_MODULES}
    assert {name for name in loaded if name.startswith("luma_jupyter")} == {
        "luma_jupyter",
        "luma_jupyter._aliases",
    } | old


@pytest.mark.parametrize("module", [f"luma_jupyter.{name}" for name in OLD_MODULES])
def test_an_old_module_is_an_empty_name(module: str) -> None:
    """It comes from no file, and what it does not know is an ordinary error."""
    found = importlib.import_module(module)
    assert not hasattr(found, "__file__")
    assert not hasattr(found, "Engine")


@pytest.mark.parametrize("module", ["errors", "settings", "domain.urls", "domain.requests", "domain.task"])
def test_the_lower_layers_load_nothing_heavy(module: str) -> None:
    """Requests, tasks, settings, errors and addresses load without any third-party package."""
    assert not modules_after(f"import luma_jupyter.{module}") & HEAVY


def test_a_session_loads_no_widget() -> None:
    """What a script makes, and the line that `%load_ext` prints of unfinished clips, need the session alone."""
    loaded = modules_after("from luma_jupyter.api.kernel import kernel; kernel.session.unfinished_notice()")
    assert not loaded & {"anywidget", "av", "httpx", "ipywidgets", "numpy", "tornado"}


def test_the_package_ships_its_type_marker() -> None:
    """Type checkers take the package's annotations: the marker is shipped."""
    assert resources.files("luma_jupyter").joinpath("py.typed").is_file()


def test_the_version_is_the_installed_one() -> None:
    """The version in the code is the one that is installed."""
    assert luma_jupyter.__version__ == importlib.metadata.version("luma-jupyter")


def test_extension_is_loaded_and_unloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`%load_ext` brings the magics and fixes the media folder; `%unload_ext` takes the magics away, also twice."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    try:
        luma_jupyter.load_ipython_extension(shell)
        assert shell.find_line_magic("luma") is not None
        assert shell.find_cell_magic("luma") is not None
        assert settings.current().folder == tmp_path
        for _ in range(2):
            luma_jupyter.unload_ipython_extension(shell)
            assert shell.find_line_magic("luma") is None
            assert shell.find_cell_magic("luma") is None
    finally:
        shell.restore_sys_module_state()
