"""Notebooks that are handed in, and zips that somebody else has made."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.notebook import Shell

Cell = dict[str, Any]


def code(source: str, *bundles: Mapping[str, Any]) -> Cell:
    """A code cell with these bundles of data as its outputs."""
    outputs = [{"output_type": "display_data", "data": dict(bundle), "metadata": {}} for bundle in bundles]
    return {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": source, "outputs": outputs}


def printed(source: str, text: str) -> Cell:
    """A code cell that printed a text."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": text.splitlines(keepends=True)}]
    return {**code(source), "outputs": outputs}


def tagged(cell: Cell, *tags: str) -> Cell:
    """A cell with these tags."""
    return {**cell, "metadata": {"tags": list(tags)}}


def markdown(source: str) -> Cell:
    """A cell with words."""
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def run(shell: Shell, source: str) -> Cell:
    """Run a cell, wait for its clips, and return it with what it shows at the end."""
    before = len(shell.displays.latest())
    shell.run(source)
    shell.run("%luma wait")
    bundles = shell.displays.latest()[before:]
    texts = [{mime: data for mime, data in bundle.items() if mime.startswith("text/")} for bundle in bundles]
    return code(source, *(bundle for bundle in texts if any(bundle.values())))


def write_notebook(file: Path, *cells: Cell, **metadata: Any) -> Path:
    """A notebook's file with these cells."""
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return file


def read_zip(file: Path) -> dict[str, bytes]:
    """What is in a zip, by name."""
    with zipfile.ZipFile(file) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def write_zip(file: Path, entries: Mapping[str, bytes]) -> Path:
    """A zip with these files, whatever their names are."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries.items():
            made.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file
