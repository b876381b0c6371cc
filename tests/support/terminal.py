"""IPython in a pseudo-terminal, and a console with a kernel; driven as one types."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from pexpect.exceptions import TIMEOUT
from pexpect.popen_spawn import PopenSpawn

from tests.support.demo import SHORTEST_FILMS, run_first

# Runs a program in a pseudo-terminal of 50 lines with 240 columns. In a Python of its own: this one has threads by now,
# and a child that is forked from it may never come to life. Ctrl-C is ignored in what a shell starts in the background.
IN_TERMINAL = """
import os, pty, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
status = pty.spawn(["sh", "-c", 'stty rows 50 cols 240 && exec "$@"', "sh", *sys.argv[1:]])
sys.exit(os.waitstatus_to_exitcode(status))
"""
# The session's demo service makes short films, and holds them back while `films` is cleared.
FIRST = f"""{SHORTEST_FILMS}
import threading
import luma_jupyter.demo.jobs as demo_jobs
films, render_now = threading.Event(), demo_jobs.render
films.set()
def render(spec, folder, name, stop):
    while not (films.wait(0.01) or stop()):
        pass
    return render_now(spec, folder, name, stop)
demo_jobs.render = render
"""
PROMPT = r"In \[{}\]: "


class Terminal:
    """An IPython session."""

    program = ("-X", "dev", "-W", "error::ResourceWarning", "-m", "IPython", "--no-banner", "--colors=NoColor")

    def __init__(self, folder: Path) -> None:
        ours = ("LUMA_", "ACEDATA", "RUNAPI")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        run_first(folder / "ipython", FIRST)
        self.child = PopenSpawn(
            [sys.executable, "-c", IN_TERMINAL, sys.executable, *self.program, "--simple-prompt", "--no-confirm-exit"],
            cwd=str(folder),
            env={
                **clean,
                "FORCE_HYPERLINK": "0",
                "IPYTHONDIR": str(folder / "ipython"),
                "JUPYTER_DEFAULT_PROVISIONER_NAME": "local-provisioner",  # a console is known by being the parent
                "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
                "LUMA_JUPYTER_HOME": str(folder / "home"),
                "LUMA_JUPYTER_DEMO_SECONDS": "2",
            },
            encoding="utf-8",
            timeout=60,
        )
        self.child.delayafterread = 0.01  # seconds between two looks; it would look thousands of times in each
        self._next = 1
        try:
            self._expect_prompt()
            self.run("%load_ext luma_jupyter")
        except BaseException:  # nobody else would end it
            self.close()
            raise

    def _expect_prompt(self) -> str:
        try:
            self.child.expect(PROMPT.format(self._next))
        except TIMEOUT:
            raise AssertionError(f"no prompt came after: {self.child.before}") from None
        self._next += 1
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.child.before or "").replace("\r\n", "\n")

    def run(self, line: str, *, meanwhile: Callable[[], object] | None = None) -> str:
        """Type a line and give what was printed; ``meanwhile`` is called once the progress line is there."""
        self.child.sendline(line)
        if meanwhile:
            self.child.expect("usually about")
            meanwhile()
        return self._expect_prompt()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.child.send("\x03")

    def close(self) -> None:
        """End it, whatever it does."""
        with self.child.proc:
            self.child.proc.kill()

    def luma(self, line: str, prompt: str, **more: Callable[[], object]) -> str:
        """Run a ``%%luma`` cell."""
        return self.run(f"get_ipython().run_cell_magic('luma', {line!r}, {prompt!r})", **more)


class Console(Terminal):
    """A session of ``jupyter console``, with a kernel of its own."""

    program = ("-m", "jupyter_console", "--ZMQTerminalInteractiveShell.banner=")
