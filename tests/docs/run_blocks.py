"""Runs the blocks of pages, each page's in order and with variables of its own, with the demo service, in this process.

``python -m tests.docs.run_blocks`` in an empty folder; it prints what went wrong as JSON, by page.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from IPython.core.interactiveshell import InteractiveShell

from tests.docs.pages import PAGES, blocks, name_of
from tests.support.demo import CHEAP_FILMS

# What the reader of a page has before its first block.
FIRST = """
import luma_jupyter as luma
%load_ext luma_jupyter
import pathlib
from PIL import Image
"""
CLIPS = """
sunset = luma.generate("A sunset")
foggy = sunset.modify("Fog")
batch = luma.batch(["A boat at noon", "A boat at night"])
"""
BEFORE = {
    "docs/how-to/batches.md": 'import pandas; pathlib.Path("shots.csv").write_text("prompt\\nA kite\\nA boat\\n")',
    "docs/how-to/files.md": 'Image.new("RGB", (64, 36), "red").save("fox.png")',
    "docs/how-to/look.md": CLIPS,
    "docs/how-to/studio.md": 'sunset = luma.generate("A sunset")',
    "docs/how-to/trouble.md": 'sunset = luma.generate("A sunset")',
    "docs/explanation/wire.md": 'sunset = luma.generate("A sunset")',
    "docs/how-to/films.md": """
harbour, storm, lamps = (luma.generate(f"{word} by the sea") for word in ("A harbour", "A storm", "Lamps"))
shots = luma.batch(["A kite", "A boat", "A fox"])
Image.new("RGB", (64, 36), "white").save("card.png")
Image.new("RGB", (64, 36), "blue").save("map.png")
from tests.support.sounds import tone, write_sound
write_sound(pathlib.Path("waves.mp3"), tone(1), format="wav")  # known by its bytes
""",
    "docs/how-to/lessons.md": """
import nbformat, shutil
nbformat.write(nbformat.v4.new_notebook(), "lesson3.ipynb")
luma.handin("lesson3.ipynb", "ann.zip")
pathlib.Path("submissions").mkdir(exist_ok=True); shutil.copy("ann.zip", "submissions")
""",
}
# The demo's films are short here, and so are the parts that pages take of them.
FILM_SECONDS = 0.4
SHORTER = {
    "1-4.5": "0.1-0.3",
    "1:4.5": "0.1:0.3",
    "(1, 4.5)": "(0.1, 0.3)",
    "end=1)": "end=0.3)",
    "fade 0.5": "fade 0.1",
    "fade=0.5": "fade=0.1",
}


def cells(page: str, codes: Iterator[str]) -> Iterator[str]:
    """What is run for a page."""
    yield FIRST
    yield BEFORE.get(page, "")
    for code in codes:
        for long, short in SHORTER.items():
            code = code.replace(long, short)
        yield code
    yield "luma.clips().wait()"


def main() -> None:
    """Run all pages."""
    shell = InteractiveShell.instance()
    with redirect_stdout(StringIO()):
        shell.run_line_magic("xmode", "Minimal")
    exec(CHEAP_FILMS.format(seconds=FILM_SECONDS, rate=10), {})
    wrong: dict[str, list[str]] = {}
    for page in PAGES:
        gc.freeze()  # what is there is no garbage; a reset looks for that
        shell.reset(new_session=False)
        codes = (block.code for block in blocks(page) if block.runs and block.language in ("python", "ipython"))
        for code in cells(name_of(page), codes):
            said = StringIO()
            with redirect_stdout(said), redirect_stderr(said):
                result = shell.run_cell(code)
            if not result.success:
                wrong.setdefault(name_of(page), []).append(f"{code}\n{said.getvalue()[-2000:]}")
    sys.stdout.write(json.dumps(wrong))


if __name__ == "__main__":
    main()
