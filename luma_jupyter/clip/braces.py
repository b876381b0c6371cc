"""Prompts of Python functions that look like a cell's. Only cells replace what stands in double braces."""

from __future__ import annotations

import re
from collections.abc import Iterable

from luma_jupyter.languages import gettext as _

_IN_DOUBLE_BRACES = re.compile(r"\{\{\s*[^{}\s][^{}\n]{0,60}\}\}")


def find_double_braces(prompts: Iterable[str]) -> list[str]:
    """What stands in double braces in these prompts, each once, braces and all."""
    return list(dict.fromkeys(found for prompt in prompts for found in _IN_DOUBLE_BRACES.findall(prompt)))


def double_braces_notice(found: str) -> str:
    """One line on a prompt that has this."""
    name = found.strip("{} ")
    text = _('The prompt has {found}, which Python functions send as it is. To send a value, write f"… {value} …".')
    return text.format(found=found, value=f"{{{name}}}")
