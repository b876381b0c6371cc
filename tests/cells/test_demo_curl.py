"""The curl command that a dry run shows for the demo service runs as it stands."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from luma_jupyter.api.kernel import kernel
from luma_jupyter.providers.http.client import HttpClient
from tests.support.loops import QuietLoop
from tests.support.notebook import Kernels, Shell, open_shell


@pytest.fixture
def shell() -> Iterator[Shell]:
    """A shell without any key, whose demo service is the real one."""
    kernels = Kernels(HttpClient, QuietLoop)
    with open_shell(kernels) as shell:
        yield shell
    kernels.kill()
    kernels.engine.providers.close()


def shown_command(shell: Shell, capsys: pytest.CaptureFixture[str], cell: str) -> str:
    """The command that a dry run of a cell shows."""
    capsys.readouterr()
    shell.run(cell)
    printed = capsys.readouterr().out
    return printed[printed.index("curl -X POST") :].partition("\n\n")[0]


def run(command: str) -> Any:
    """The answer to a curl command, as a shell and curl read it."""
    if shutil.which("curl") and shutil.which("sh"):
        done = subprocess.run(["sh", "-c", f"{command} -s --fail"], capture_output=True, timeout=20, check=True)
        return json.loads(done.stdout)
    words = shlex.split(command.replace("\\\n", ""))
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    (url,) = [word for word in words if word.startswith("http://")]
    body = words[words.index("-d") + 1].encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        return json.load(answer)


def test_curl_of_the_demo_runs_as_it_is_shown(
    shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also behind a proxy of the environment, and for a prompt with quotes; what it answers can be adopted."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    command = shown_command(shell, capsys, '%%luma --dry-run --loop\nIt\'s a "fox" in $HOME\n狐狸')
    task_id = run(command)["task_id"]
    shell.run(f"%luma adopt {task_id} --provider demo -o fox")
    assert shell.user_ns["fox"].prompt == 'It\'s a "fox" in $HOME\n狐狸'


def test_curl_of_the_demo_runs_for_a_modify_and_each_time_makes_another_task(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other API takes it too, and two commands do not share an idempotency key."""
    cell = "%%luma modify https://example.com/v.mp4 --provider demo --dry-run\n{}"
    first, second = (run(shown_command(shell, capsys, cell.format(prompt)))["id"] for prompt in ("Fog", "Snow"))
    assert first != second
    assert kernel.session.own_clips == []


def test_key_of_a_paid_service_is_never_in_the_command(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """A paid service's curl has what stands for key and idempotency key, and no word on running it."""
    notebook.run("%%luma modify https://example.com/v.mp4 --dry-run\nFog")
    printed = capsys.readouterr().out
    assert "Authorization: Bearer ‹your key›" in printed
    assert "Idempotency-Key: ‹one per request›" in printed
    assert "runs as it stands" not in printed
