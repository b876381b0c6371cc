"""What is said of a prompt before it is sent: it is sent all the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from luma_jupyter.clip.braces import double_braces_notice, find_double_braces
from luma_jupyter.domain.prompts import is_mostly_latin, script_of
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.plan import Plan
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import translated
from luma_jupyter.printable import say


class PromptNotices:
    """Prints one line of what a prompt may not come to as it was meant."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._braces: set[str] = set()  # that were told
        self._scripts: set[str | None] = set()  # for which fonts were looked for

    def tell_of_braces(self, prompts: Iterable[str]) -> None:
        """Say, once, where prompts that are sent as they stand have something in double braces."""
        new = [found for found in find_double_braces(prompts) if found not in self._braces]
        if new:
            self._braces.update(new)
            say(f"luma_jupyter: {double_braces_notice(new[0])}")

    def tell_of_scripts(self, plans: Sequence[Plan]) -> None:
        """Say where a new prompt's script is one that its service does not read, or for which it has no font."""
        others = [plan for plan in plans if not is_mostly_latin(plan.spec.request.prompt)]
        for_runapi = self._engine.new_of([plan for plan in others if plan.provider == "runapi"])
        for script in dict.fromkeys(script_of(plan.spec.request.prompt) for plan in for_runapi):
            text = _("RunAPI reads English prompts; this one is in {script} script.")
            say(f"luma_jupyter: {text.format(script=translated(script))}")
        for plan in others:
            if plan.provider == "demo":
                self._tell_of_fonts(plan.spec.request.prompt)

    def _tell_of_fonts(self, prompt: str) -> None:
        """Say, once for each script, that the demo service cannot write it into its films."""
        script = script_of(prompt)
        if script in self._scripts:
            return
        self._scripts.add(script)
        with suppress(ImportError):  # the demo service says itself what it needs
            from luma_jupyter.video.fonts import undrawable

            if undrawable(prompt):
                text = _(
                    "This computer has no font for {script} script, so the demo service leaves it out of its videos. "
                    "The Noto fonts have it: on Debian and Ubuntu, apt install fonts-noto-cjk fonts-noto-core."
                )
                say(f"luma_jupyter: {text.format(script=translated(script))}")
