"""``%luma handin``: the line, its options, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.errors import InvalidRequest
from tests.support.handed_in import markdown, write_notebook
from tests.support.notebook import Shell


def test_line_makes_the_zip_and_says_so(notebook: Shell, tmp_path: Path) -> None:
    """Beside the notebook, or where ``-o`` says; names may have spaces."""
    write_notebook(tmp_path / "my lesson.ipynb", markdown("x"))
    made = notebook.run('%luma handin "my lesson.ipynb"')
    assert repr(made).startswith("my-lesson.zip: the notebook, its page and 0 videos (")
    assert (tmp_path / "my-lesson.zip").is_file()
    assert notebook.run('%luma handin "my lesson.ipynb" -o ann.zip').path == tmp_path / "ann.zip"
    made.path.unlink()
    assert "(gone)" in repr(made)


@pytest.mark.parametrize("line", ["%luma handin", "%luma handin a.ipynb b.ipynb", "%luma handin a.ipynb --zip"])
def test_wrong_line_says_how_it_is_written(notebook: Shell, line: str) -> None:
    """One line with the usage."""
    with pytest.raises(InvalidRequest, match=r"Usage: %luma handin NOTEBOOK \[-o FILE\.zip\]"):
        notebook.run(line)
