"""Tables for spreadsheets: CSV (RFC 4180) in which nobody's word is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from luma_jupyter.printable import printable

BOM = "\ufeff"  # by which Excel sees that it is UTF-8
_BEGIN_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # OWASP's list, and their full widths


def csv_line(cells: Sequence[object]) -> str:
    """A line of CSV; what a spreadsheet would take for a formula begins with an apostrophe, and so is text."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([_text(cell) for cell in cells])
    return out.getvalue()


def _text(cell: object) -> str:
    text = printable(cell)
    return f"'{text}" if text.lstrip(" ").startswith(_BEGIN_FORMULAS) else text
