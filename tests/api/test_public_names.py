"""The names that the package offers, and that no module of it takes their place."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import luma_jupyter as luma
from luma_jupyter.errors import LumaError

FRESH = """
import json, luma_jupyter
print(json.dumps([dir(luma_jupyter), luma_jupyter.errors.__name__, luma_jupyter.errors.LumaError.__name__]))
"""
USED = """
import importlib, json, pkgutil, luma_jupyter
for module in pkgutil.walk_packages(luma_jupyter.__path__, "luma_jupyter."):
    importlib.import_module(module.name)
kinds = {name: type(getattr(luma_jupyter, name)).__name__ for name in luma_jupyter.__all__}
print(json.dumps([kinds, luma_jupyter.errors.__name__]))
"""


def run(script: str, folder: Path) -> list[object]:
    """What a script prints as JSON, in a Python of its own."""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True)
    answer: list[object] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_errors_are_offered_and_there_without_an_import(tmp_path: Path) -> None:
    """``dir(luma_jupyter)`` has ``errors``, and ``luma_jupyter.errors`` is the module though nobody imported it."""
    names, module, error = run(FRESH, tmp_path)
    assert isinstance(names, list)
    assert "errors" in names
    assert (module, error) == ("luma_jupyter.errors", "LumaError")
    assert luma.errors.LumaError is LumaError


def test_no_module_is_called_like_a_public_name() -> None:
    """Importing ``luma_jupyter.clips…`` would put a module in the place of the function."""
    folder = Path(luma.__file__).parent
    modules = {path.stem for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert modules & set(luma.__all__) == set()


def test_public_names_are_what_they_are_after_every_module_was_imported(tmp_path: Path) -> None:
    """Functions are functions and classes classes, whatever was loaded behind them."""
    kinds, module = run(USED, tmp_path)
    assert isinstance(kinds, dict)
    functions = {"adopt", "batch", "clips", "compare", "configure", "contact_sheet", "extend", "film"}
    functions |= {"collect", "gallery", "generate", "handin", "modify", "sheet"}
    assert {name for name, kind in kinds.items() if kind == "function"} == functions
    assert {kind for name, kind in kinds.items() if name not in functions} <= {"type", "ABCMeta"}
    assert module == "luma_jupyter.errors"


@pytest.mark.usefixtures("notebook")
def test_public_functions_stay_functions_when_they_are_used() -> None:
    """After clips, gallery, compare and the studio were used, they are what they were."""
    functions = (luma.clips, luma.gallery, luma.compare, luma.generate, luma.batch)
    first, second = luma.batch(["A sunset", "A dawn"]).wait()
    luma.compare(first, second)._repr_html_()
    luma.gallery()._repr_html_()
    luma.clips()
    luma.Studio().close()
    assert functions == (luma.clips, luma.gallery, luma.compare, luma.generate, luma.batch)
    assert all(callable(function) for function in functions)
