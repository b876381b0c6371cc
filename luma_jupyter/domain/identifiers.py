"""Names of variables, as Python has them: which words can be one, and under which form Python keeps it."""

from __future__ import annotations

import keyword
import unicodedata


def normalize_name(name: str) -> str:
    """The form under which Python keeps a name: NFKC, so that ``µ`` of a keyboard and ``μ`` of an alphabet are one.

    Source: the Python reference, "Identifiers and keywords".
    """
    return unicodedata.normalize("NFKC", name)


def is_variable_name(text: str) -> bool:
    """Whether a variable can have this name: an identifier of any script that is no keyword."""
    return text.isidentifier() and not keyword.iskeyword(normalize_name(text))
