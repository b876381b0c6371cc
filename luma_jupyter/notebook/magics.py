"""The magics: ``%%luma`` makes a video, ``%luma`` looks after those under way. They parse, call, and show; no more."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from IPython.core.magic import no_var_expand

from luma_jupyter import settings
from luma_jupyter.engine.engine import Preview
from luma_jupyter.errors import InvalidRequest, LumaError
from luma_jupyter.notebook import session
from luma_jupyter.notebook.complete import LumaCompleter
from luma_jupyter.notebook.parse import USAGE, lookup_clips, options_help, parse_cell, split
from luma_jupyter.notebook.render import table

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

LATER_WORDS = ("resume", "history", "balance", "price", "studio")

HELP = f"""Make Luma videos in a notebook.

{USAGE}
the prompt, on the lines below; {{{{name}}}} inserts a variable

{options_help()}

SOURCE is a variable that holds a clip, a video id, or a URL.

  %%luma -o sunset --aspect-ratio 16:9      generate, kept in the variable sunset
  %%luma extend sunset -o longer            continue it
  %%luma modify longer -o foggy             re-render it

%luma status [NAME…]   the clips of this kernel
%luma wait [NAME…]     wait for them (all that are unfinished)
%luma stop NAME…       stop following; the task may still run and be billed
%luma help             this text
Not yet: %luma {", ".join(LATER_WORDS)}.

In Python: luma_jupyter.generate(…), clip.extend(…), clip.modify(…), clip.wait(), await clip.
"""


class LumaMagics:
    """The magics of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._completer = LumaCompleter(lambda: shell.user_ns)

    def register(self) -> None:
        """Make the magics and their Tab completion known to the shell."""

        @no_var_expand
        def luma(line: str, cell: str | None = None) -> None:
            try:
                if cell is None:
                    self._run_line(line)
                else:
                    self._run_cell(line, cell)
            except LumaError as error:
                error.__context__ = None  # an ExceptionGroup in there would bring the whole traceback back
                raise

        luma.__doc__ = HELP
        self._shell.register_magic_function(
            luma,  # type: ignore[arg-type]  # decorated upstream for methods
            "line_cell",
            "luma",
        )
        if completer := self._shell.Completer:
            completer.custom_matchers.append(self._completer.match)

    def unregister(self) -> None:
        """Take both away again; clips under way are followed further."""
        for kind in ("line", "cell"):
            self._shell.magics_manager.magics[kind].pop("luma", None)
        matchers = self._shell.Completer.custom_matchers if self._shell.Completer else []
        if self._completer.match in matchers:
            matchers.remove(self._completer.match)

    def _run_cell(self, line: str, cell: str) -> None:
        command = parse_cell(line, cell, self._shell.user_ns)
        if command.dry_run:
            print(dry_run_text(command.order.preview()))
            return
        clip = command.order.place(command.out)
        if command.out:
            self._shell.user_ns[command.out] = clip
        in_kernel = session.in_kernel()
        wait = next(w for w in (command.wait, settings.current().wait, not in_kernel) if w is not None)
        if wait and not in_kernel:
            session.wait_in_terminal(clip)
        else:
            session.show(clip)
            if wait:
                clip.wait()

    def _run_line(self, line: str) -> None:
        word, *names = split(line) or ["help"]
        words: dict[str, Callable[[list[str]], None]] = {
            "status": self._status,
            "wait": self._wait,
            "stop": self._stop,
            "help": lambda names: print(HELP),
        }
        if word in LATER_WORDS:
            session.not_yet(f"%luma {word}")
        if word in ("-h", "--help"):
            word = "help"
        if word not in words:
            raise InvalidRequest(
                f"There is no %luma {word}; there are {', '.join(words)}. "
                "To make a video, begin the cell with %%luma and write the prompt on the lines below."
            )
        words[word](names)

    def _status(self, names: list[str]) -> None:
        clips = lookup_clips(names, self._shell.user_ns) or session.clips()
        print(table([clip._look() for clip in clips]) if clips else "There are no clips in this kernel yet.")

    def _wait(self, names: list[str]) -> None:
        clips = lookup_clips(names, self._shell.user_ns) or [c for c in session.clips() if not c._task.status.ended]
        if not clips:
            print("No clip is under way.")
        for clip in clips:
            if session.in_kernel():
                clip.wait()
            else:
                session.wait_in_terminal(clip)

    def _stop(self, names: list[str]) -> None:
        if not names:
            raise InvalidRequest("Say which: %luma stop NAME (%luma status lists them).")
        for name, clip in zip(names, lookup_clips(names, self._shell.user_ns), strict=True):
            clip.stop()
            print(f"{name} is {clip.status} already." if clip._task.status.ended else f"{name}: following ends.")


def dry_run_text(preview: Preview) -> str:
    """A request as JSON and as a curl command, the key masked."""
    body = json.dumps(preview.payload, ensure_ascii=False, indent=2)
    headers = {"Authorization": "Bearer ‹your key›", "Content-Type": "application/json", **preview.headers}
    curl = " \\\n".join(
        [
            f"curl -X POST {shlex.quote(preview.url)}",
            *(f"  -H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()),
            f"  -d {shlex.quote(json.dumps(preview.payload, ensure_ascii=False))}",
        ]
    )
    return f"Nothing was sent. This would go to {preview.provider}:\n\nPOST {preview.url}\n{body}\n\n{curl}"
