"""What stands in a table for spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest

from luma_jupyter.domain.spreadsheets import csv_line


@pytest.mark.parametrize("cell", ["\r=1", "\u202e=1", "=cmd|' /C calc'!A0"])
def test_signs_that_nobody_sees_do_not_hide_a_formula(cell: str) -> None:
    """Nor does a line end of its own make another row."""
    (row,) = csv.reader(io.StringIO(csv_line([cell])))
    assert row[0].startswith("'=")
