"""The command line in the language of the system."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.gateway.command import main
from luma_jupyter.languages import _system_language
from tests.support.small_catalogue import small_catalogue


def test_command_speaks_the_systems_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help and errors; what is typed stays as it is."""
    monkeypatch.delenv("LUMA_JUPYTER_LANG")
    monkeypatch.setenv("LANGUAGE", "zh_CN")
    messages = {
        "{path} cannot be read ({reason}).": "无法读取 {path}（{reason}）。",
        "erase all that is kept of a person, but not what it has cost": "删除一个人的所有记录，但保留费用",
    }
    file = tmp_path / "none.toml"
    _system_language.cache_clear()
    with small_catalogue(tmp_path, messages):
        assert main(["--config", str(file), "status"]) == 1
        assert capsys.readouterr().err == f"无法读取 {file}（No such file or directory）。\n"
        with pytest.raises(SystemExit):
            main(["--help"])
    _system_language.cache_clear()
    shown = capsys.readouterr().out
    assert "删除一个人的所有记录，但保留费用" in shown
    assert "erase " in shown
