"""How Sphinx builds these pages (`make docs`), without a network: theme and scripts come with the packages.

The lessons are copied from ``notebooks/lessons`` and run with the demo service. What they give is kept beside the
copies, so that only a lesson that was changed is run again; `make clean` forgets it.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
ROOT = HERE.parent
LESSONS = HERE / "tutorial" / "lessons"  # the copies, which are nobody's to edit
VIDEOS = "luma_videos"
sys.path.insert(0, str(HERE / "extensions"))

import luma_jupyter  # noqa: E402

project = "luma_jupyter"
author = "luma_jupyter's authors"
version = release = luma_jupyter.__version__
extensions = ["myst_nb", "sphinx_copybutton", "sphinx_design", "generated"]
exclude_patterns = ["extensions", "tutorial/lessons/.*", f"tutorial/lessons/{VIDEOS}"]
nitpicky = True

myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 3

nb_execution_mode = "cache"
nb_execution_cache_path = str(LESSONS / ".executed")
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True

html_theme = "pydata_sphinx_theme"
html_title = "luma_jupyter"
html_static_path = ["static"]
html_css_files = ["luma.css"]
html_show_sourcelink = False
html_sidebars = {"index": []}
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
}
copyright = "2026, luma_jupyter's authors. Not affiliated with Luma AI, AceDataCloud or RunAPI"

linkcheck_ignore = [r"http://127\.0\.0\.1.*", r"https://hub\.example.*"]

# The kernels of the lessons get these: nothing here may cost money, whatever keys the environment has.
os.environ |= {
    "LUMA_JUPYTER_PROVIDER": "demo",
    "LUMA_JUPYTER_LANG": "en",
    "LUMA_JUPYTER_WAIT": "1",
    "LUMA_JUPYTER_HOME": str(LESSONS / ".home"),
}


def copy_lessons(app: Sphinx) -> None:
    """Copy the lessons to where Sphinx finds them, with the cells folded that are folded in JupyterLab."""
    LESSONS.mkdir(exist_ok=True)
    for lesson in sorted((ROOT / "notebooks" / "lessons").glob("*.ipynb")):
        notebook = json.loads(lesson.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["metadata"].get("jupyter", {}).get("source_hidden"):
                cell["metadata"].setdefault("tags", []).append("hide-input")
        copy = json.dumps(notebook, ensure_ascii=False)
        target = LESSONS / lesson.name
        if not target.exists() or target.read_text(encoding="utf-8") != copy:  # Sphinx reads anew what is newer
            target.write_text(copy, encoding="utf-8")


def copy_videos(app: Sphinx, error: Exception | None) -> None:
    """Put the lessons' videos beside their pages."""
    if not error and app.builder.format == "html" and (LESSONS / VIDEOS).is_dir():
        shutil.copytree(LESSONS / VIDEOS, Path(app.outdir) / "tutorial" / "lessons" / VIDEOS, dirs_exist_ok=True)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", copy_lessons)
    app.connect("build-finished", copy_videos)
