"""Try everything on each host's packages: ``python -m tests.hosts [NAME…]``; the table goes to build/hosts.md, too.

Each host gets an environment of its own below build/hosts, with the wheel of this tree; it is removed again. The exit
code is 1 where something does not hold, also where an installation changes packages that were there.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.hosts.environment import HostEnvironment, change
from tests.hosts.hosts import NAMES, Host, read_host
from tests.hosts.pythons import find_python
from tests.hosts.table import Column, table

PROJECT = Path(__file__).parents[2]
BUILD = PROJECT / "build"


def try_hosts(names: Sequence[str], wheel: Path) -> Iterator[Column]:
    """One column for each version of Python of each host."""
    for name in names:
        host = read_host(name)
        for version in host.pythons:
            print(f"{host.title}, Python {version} …", file=sys.stderr, flush=True)
            python = find_python(version)
            if python is None:
                yield Column(host.title, version, why_not=f"since there is no Python {version} on this machine")
            else:
                yield try_host(host, version, python, wheel)


def try_host(host: Host, version: str, python: Path, wheel: Path) -> Column:
    """Install the wheel among a host's packages, and try everything there."""
    environment = HostEnvironment(BUILD / "hosts" / f"{host.name}-{version}", python, host.requirements)
    try:
        rows = install(environment, wheel) | environment.features() | environment.scripts()
        return Column(host.title, environment.version(), rows)
    except subprocess.CalledProcessError as error:
        return Column(host.title, version, {"load": f"fails: {error}"})
    finally:
        environment.remove()


def install(environment: HostEnvironment, wheel: Path) -> dict[str, str]:
    """Install the wheel, then with its demo; what each brought along."""
    before = environment.packages()
    environment.install(wheel)
    plain = change(before, environment.packages())
    told = environment.without_demo()
    environment.install(f"{wheel}[demo]")
    whole = change(before, environment.packages())
    return {"pip install": str(plain), "demo without its extra": told, "pip install with `[demo]`": str(whole)}


def build_wheel() -> Path:
    """The wheel of this tree."""
    folder = BUILD / "wheel"
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, PROJECT]
    subprocess.run(command, check=True)
    return max(folder.glob("luma_jupyter-*.whl"), key=lambda path: path.stat().st_mtime)


def main(names: Sequence[str]) -> int:
    """Try the hosts of these names; 1 where something does not hold."""
    columns = list(try_hosts(names or NAMES, build_wheel()))
    (BUILD / "hosts.md").write_text(table(columns), encoding="utf-8")
    print(table(columns))
    return 1 if any(column.failures for column in columns) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
