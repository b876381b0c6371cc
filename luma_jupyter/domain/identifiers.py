"""Names of variables, as Python has them: which words can be one, and under which form Python keeps it."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata

KEY_PREFIX = "clip:"  # before the key of a clip, by which it is called where no variable holds it
_OF_IPYTHON = re.compile(r"In|Out|get_ipython|exit|quit|open|display|_{1,3}|_i{1,3}|_i?\d+|_[iod]h|__\w+__")


def is_key(text: str) -> bool:
    """Whether a text can be the key of a clip."""
    return re.fullmatch("[0-9a-f]{8}", text) is not None


def normalize_name(name: str) -> str:
    """The form under which Python keeps a name: NFKC, so that ``µ`` of a keyboard and ``μ`` of an alphabet are one.

    Source: the Python reference, "Identifiers and keywords".
    """
    return unicodedata.normalize("NFKC", name)


def is_variable_name(text: str) -> bool:
    """Whether a variable can have this name: an identifier of any script that is no keyword."""
    return text.isidentifier() and not keyword.iskeyword(normalize_name(text))


def is_reserved_name(name: str) -> bool:
    """Whether Python or IPython has something of its own under this name, such as ``print``, ``In`` or ``_``."""
    return hasattr(builtins, name) or _OF_IPYTHON.fullmatch(name) is not None
