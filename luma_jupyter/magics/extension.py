"""What ``%load_ext luma_jupyter`` brings into a shell: names only. All that is behind them is loaded when first used.

Every notebook that has the line pays for what is loaded here, also where no video is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from luma_jupyter.api.kernel import kernel
from luma_jupyter.compat import Complete, add_completion
from luma_jupyter.engine.store.probe import may_be_unfinished
from luma_jupyter.magics.misplaced import answer_misplaced
from luma_jupyter.printable import say

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from luma_jupyter.cells.completion import Completer
    from luma_jupyter.magics.magics import LumaMagics, Shown


class LumaMagic:
    """``%luma`` and ``%%luma``, as IPython calls them; its docstring is their help."""

    _ipython_magic_no_var_expand = True  # what @no_var_expand sets: $ and {} belong to the prompt

    def __call__(self, line: str, cell: str | None = None) -> Shown:
        return self._magics.run(line, cell)

    @cached_property
    def _magics(self) -> LumaMagics:
        from luma_jupyter.magics.magics import LumaMagics  # start-up

        return LumaMagics(kernel)

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        from luma_jupyter.magics.help import help_text, options_text  # start-up

        return f"{help_text()}\n\n{options_text()}"


class Extension:
    """The extension in one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._end_completion: Callable[[], None] = lambda: None

    def load(self) -> None:
        """Make the magics and their Tab completion known; say in one line if clips of this folder are unfinished.

        Raises ConfigError for a setting that cannot be used; then nothing was changed in the shell.
        """
        kernel.configuration.remember_folder()
        now = kernel.configuration.current()  # first of all: what it raises must not leave half of the rest behind
        self._shell.register_magic_function(
            LumaMagic(),  # type: ignore[arg-type]  # decorated upstream for methods
            "line_cell",
            "luma",
        )
        self._shell.input_transformers_cleanup.append(answer_misplaced)
        self._shell.events.register("post_run_cell", _note_run)
        if completer := self._shell.Completer:
            self._end_completion = add_completion(completer, _completion(self._shell))
        if may_be_unfinished(now.home_folder, now.folder):
            for notice in (kernel.session.ended_notice(), kernel.session.unfinished_notice()):
                if notice:
                    say(notice)
            kernel.session.look_for_unconfirmed()

    def unload(self) -> None:
        """Take all of it away again; clips under way are still watched."""
        for kind in ("line", "cell"):
            self._shell.magics_manager.magics[kind].pop("luma", None)
        if answer_misplaced in (transformers := self._shell.input_transformers_cleanup):
            transformers.remove(answer_misplaced)
        with suppress(ValueError):  # it is not there any more
            self._shell.events.unregister("post_run_cell", _note_run)
        self._end_completion()


def _note_run(result: ExecutionResult) -> None:
    """Note that a cell was run; one that hands in changes nothing that is handed in."""
    if "handin" not in str(getattr(result.info, "raw_cell", "")):
        kernel.last_run = time.time()


def _line(text: str) -> str:
    return text.rpartition("\n")[2].lstrip()


def _completion(shell: InteractiveShell) -> Complete:
    """Completion for our lines and cells alone; for all others nothing is loaded."""
    made: list[Completer] = []

    def complete(text: str) -> tuple[str, list[str]]:
        if not text.lstrip().startswith("%%luma") and not _line(text).startswith(("%luma ", "%%luma ")):
            return "", []
        if not made:
            from luma_jupyter.cells.completion import Completer  # start-up

            made.append(Completer(lambda: shell.user_ns))
        return made[0].complete(text)

    return complete
