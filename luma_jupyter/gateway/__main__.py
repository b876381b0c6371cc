"""Where ``luma-gateway`` begins: the packages of the extra may be missing, or the system none that it runs on."""

from __future__ import annotations

import sys

from luma_jupyter.languages import gettext as _
from luma_jupyter.operating_system import WINDOWS
from luma_jupyter.printable import say


def main() -> int:
    """Run the command line; without its packages, say how they are installed."""
    if WINDOWS:  # its processes are steered by signals and share a socket
        say(_("luma-gateway runs on Linux and macOS. Notebooks on Windows can use it from there."), sys.stderr)
        return 1
    try:
        from luma_jupyter.gateway.command import main as run  # needs the packages of the extra
    except ImportError as error:
        words = _("luma-gateway needs a package that is not installed ({package}): {command}")
        say(words.format(package=error.name, command="pip install 'luma-jupyter[gateway]'"), sys.stderr)
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
