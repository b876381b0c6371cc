"""The hosts: lists of packages with their sources, and the Pythons that they are for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = ("colab", "kaggle", "lowest", "newest")


@dataclass(frozen=True)
class Host:
    """A list of packages, as pip takes it, and the versions of Python that it is for."""

    name: str
    title: str
    pythons: tuple[str, ...]
    source: str
    date: str

    @property
    def requirements(self) -> Path:
        """The list itself."""
        return FOLDER / f"{self.name}.txt"


def read_host(name: str) -> Host:
    """The host of a name; the list begins with comments that say what it is."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    heads = dict(line.removeprefix("# ").split(": ", 1) for line in lines if line.startswith("# ") and ": " in line)
    return Host(name, heads["host"], tuple(heads["python"].split()), heads["source"], heads["date"])
