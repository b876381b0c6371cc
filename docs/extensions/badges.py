"""The badges of Colab and Binder. ``REPOSITORY`` is the one place that knows where this repository is, such as
``owner/name`` at GitHub; while it is empty, there are none.

``python docs/extensions/badges.py`` puts them into README, in both languages.
"""

from __future__ import annotations

from pathlib import Path

REPOSITORY = ""
NOTEBOOK = "notebooks/01_quickstart.ipynb"
READMES = [Path(__file__).parents[2] / name for name in ("README.md", "README.zh-CN.md")]
BEGIN, END = "<!-- badges -->", "<!-- end of badges -->"


def badges(repository: str = REPOSITORY) -> str:
    """The badges as Markdown; empty without a repository."""
    if not repository:
        return ""
    colab = f"https://colab.research.google.com/github/{repository}/blob/main/{NOTEBOOK}"
    binder = f"https://mybinder.org/v2/gh/{repository}/main?labpath={NOTEBOOK}"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})\n"
        f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder})"
    )


def put_into(readme: str, repository: str = REPOSITORY) -> str:
    """A README with these badges between its two marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    between = f"\n\n{shown}\n\n" if (shown := badges(repository)) else "\n\n"
    return f"{before}{BEGIN}{between}{END}{after}"


if __name__ == "__main__":
    for readme in READMES:
        readme.write_text(put_into(readme.read_text(encoding="utf-8")), encoding="utf-8")
