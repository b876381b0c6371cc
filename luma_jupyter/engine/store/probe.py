"""Whether an earlier kernel may have left clips unfinished: asked at each loading, before anything else is loaded."""

from __future__ import annotations

from pathlib import Path

from luma_jupyter.engine.store.database import query_read_only
from luma_jupyter.operating_system import is_same_folder

FILE_NAME = "journal.sqlite3"
UNFINISHED = "status IN ('queued', 'submitting', 'running', 'saving', 'detached', 'unconfirmed')"


def may_be_unfinished(home: Path, folder: Path) -> bool:
    """Whether the journal in ``home`` has to be asked about a notebook's folder, or about one that is gone."""
    path = home / FILE_NAME
    if not path.exists():
        return False
    folders = query_read_only(path, f"SELECT DISTINCT folder FROM tasks WHERE {UNFINISHED}")
    return folders is None or any(
        is_same_folder(Path(found), folder) or not Path(found).exists() for (found,) in folders
    )
