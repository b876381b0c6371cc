"""What others may see: nothing shown, saved or stored has a secret of an address, or says where its maker works.

A login in a base URL, signatures and tokens in addresses of pictures and videos, and folders: the journal has what is
needed to go on, and it is private. Pages, sidecars, pickles and what is printed may be handed out.
"""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any

import httpx
import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from tests.support import settings
from tests.support.notebook import Kernels, PromptService, Shell

SECRET = "5igned7Qz9vTx4Lk2Wm8Rb"
PICTURE = f"https://pics.example/a.png?token={SECRET}&w=800"
SIGNED = f"https://media.example/made.mp4?X-Amz-Expires=600&X-Amz-Signature={SECRET}"
GIVEN = f"https://me:{SECRET}@videos.example/x.mp4"
CELLS = {
    "sunset": f"%%luma -o sunset --start-image {PICTURE} --callback-url https://hook.example/?k={SECRET}\nA sunset",
    "longer": f"%%luma extend sunset -o longer --end-image {PICTURE}\nThe night",
    "foggy": "%%luma modify sunset -o foggy\nFog",
    "given": f"%%luma modify {GIVEN} -o given\nRain",
}


@pytest.fixture(autouse=True)
def signed(service: PromptService) -> None:
    """Both services give signed addresses."""
    service.result = {"video_url": SIGNED, "videos": [{"url": SIGNED}], "thumbnail_url": SIGNED}


def run_all(notebook: Shell) -> dict[str, Clip]:
    """Run all cells, and wait for their clips."""
    for cell in CELLS.values():
        notebook.run(cell)
    notebook.run("%luma wait")
    return {name: notebook.user_ns[name] for name in CELLS}


def journal_bytes() -> bytes:
    """All that the journal has on the disk."""
    return b"".join(path.read_bytes() for path in settings.current().home_folder.glob("journal.sqlite3*"))


def seen_by_others(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> bytes:
    """All that a notebook, its media folder and stored clips hold, after everything was shown that can be shown."""
    shown: list[Any] = []
    words = ["%luma history", "%luma status", "%luma doctor", "luma.clips()", "luma.gallery()", "longer.lineage()"]
    for cell in ["import luma_jupyter as luma", *words, *CELLS, *(f"str({name})" for name in CELLS)]:
        shown.append(result := notebook.run(cell))
        shown += [repr(result), getattr(result, "_repr_html_", str)()]
    for cell in CELLS.values():
        notebook.run(cell.replace("%%luma", "%%luma --dry-run --again"))
    shown.append([dict(row) for row in notebook.run("%luma history")])
    shown += [notebook.displays.outputs, [model.get_state() for model in notebook.displays.models()]]
    shown.append(capsys.readouterr())
    files = [path.read_bytes() for path in Path("luma_videos").iterdir()]
    stored = [pickle.dumps(notebook.user_ns[name]) for name in CELLS]
    return b"\n".join([repr(shown).encode(), *files, *stored])


def test_secrets_of_addresses_are_for_the_journal_alone(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The services got each address whole, the journal has it whole, and nobody else; and nothing names a folder."""
    clips = run_all(notebook)
    assert {name: clip.status for name, clip in clips.items()} == dict.fromkeys(CELLS, "completed")
    assert service.sent[0]["start_image_url"] == PICTURE
    assert {sent["source_video_url"] for sent in service.sent if "source_video_url" in sent} == {SIGNED, GIVEN}
    assert clips["sunset"].url == SIGNED
    assert clips["given"].source == GIVEN
    assert SECRET.encode() in journal_bytes()
    found = seen_by_others(notebook, capsys)
    assert SECRET.encode() not in found
    assert str(tmp_path).encode() not in found
    assert b"https://media.example/made.mp4?\xe2\x80\xa6" in found
    assert b"https://pics.example/a.png?\xe2\x80\xa6" in found


def test_requests_with_secrets_are_found_again(notebook: Shell, service: PromptService) -> None:
    """In the next kernel all cells are answered unpaid, and a further step still gets the live address."""
    run_all(notebook)
    notebook.restart()
    clips = run_all(notebook)
    assert len(service.sent) == len(CELLS)
    assert clips["sunset"].url == SIGNED
    clips["sunset"].modify("Snow").wait()
    assert service.sent[-1]["source_video_url"] == SIGNED


def test_lesson_with_secrets_cut_plays_through_without_a_journal(notebook: Shell, service: PromptService) -> None:
    """The folder alone answers the very same requests; another address is another request; clips go on as files."""
    run_all(notebook)
    settings.configure(home="another")
    notebook.restart()
    clips = run_all(notebook)
    assert len(service.sent) == len(CELLS)
    assert clips["sunset"].url == "https://media.example/made.mp4?…"
    assert clips["foggy"].source is clips["sunset"]
    clips["sunset"].modify("Snow").wait()
    assert service.sent[-1]["source_video_url"].startswith("https://media.example/uploaded-")
    notebook.run(CELLS["sunset"].replace("w=800", "w=801"))
    notebook.run("%luma wait")
    assert len(service.sent) == len(CELLS) + 2


def test_forged_sidecar_answers_no_other_request(notebook: Shell, service: PromptService) -> None:
    """One whose addresses are cut answers only a request that is like it in all it says, whatever hash it states."""
    clip = run_all(notebook)["sunset"]
    assert clip.path
    sidecar = clip.path.with_suffix(".json")
    data = json.loads(sidecar.read_bytes())
    settings.configure(home="another")
    for change in ({"aspect_ratio": "9:16"}, {"start_image": "https://pics.example/b.png?…"}):
        sidecar.write_text(json.dumps(data | {"request": data["request"] | change}))
        notebook.restart()
        plan = kernel.session.engine.plan(clip_spec(clip))
        assert kernel.session.engine.find_earlier(plan) is None
    sidecar.write_text(json.dumps(data))
    assert kernel.session.engine.find_earlier(kernel.session.engine.plan(clip_spec(clip))) is not None


def clip_spec(clip: Clip) -> Any:
    """What was asked for with a clip."""
    from luma_jupyter.engine.task_spec import TaskSpec

    return TaskSpec(request=clip.task.request)


def test_stored_clip_comes_back_with_what_the_journal_knows(notebook: Shell, kernels: Kernels) -> None:
    """Where the journal is, a stored clip has its whole address and its file again, also in another folder."""
    clip = run_all(notebook)["foggy"]
    stored = pickle.dumps(clip)
    kernels.kill()
    kernels.start(Path("elsewhere"))
    again = pickle.loads(stored)
    assert (again.url, again.path, again.source.url) == (SIGNED, clip.path, SIGNED)


def test_stored_clip_elsewhere_finds_its_file_in_the_media_folder(notebook: Shell, kernels: Kernels) -> None:
    """Without the journal it has what it says, and its file where that lies beside the notebook; else none."""
    clip = run_all(notebook)["foggy"]
    stored = pickle.dumps(clip)
    settings.configure(home="another")
    kernels.kill()
    kernels.start()
    again = pickle.loads(stored)
    assert (again.status, again.path) == ("completed", clip.path)
    assert again.url == "https://media.example/made.mp4?…"
    kernels.kill()
    kernels.start(Path("elsewhere").absolute())
    settings.configure(home="a third")
    assert pickle.loads(stored).path is None


LOGIN = f"me:{SECRET}"


def test_login_in_a_base_url_is_for_the_request_alone(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """It goes along where no key does, and is in no journal, page, dry run, finding, record, log or error."""
    caplog.set_level(0)
    service.result = {}
    settings.configure(
        acedata_base_url=f"https://{LOGIN}@api.acedata.cloud",
        acedata_platform_url=f"https://{LOGIN}@platform.acedata.cloud",
        runapi_base_url=f"https://{LOGIN}@runapi.ai",
    )
    for cell in ("%%luma -o sunset --wait\nA sunset", "%%luma modify sunset -o foggy --wait\nFog", "%luma price"):
        notebook.run(cell)
    notebook.run("%%luma modify sunset --dry-run\nSnow")
    shown = [notebook.run("%luma doctor"), settings.current(), vars(kernel.configuration)]
    shown += [notebook.displays.outputs, capsys.readouterr(), kernel.session.engine.providers.runapi(), caplog.text]
    files = [path.read_bytes() for path in Path("luma_videos").iterdir()]
    stored = [pickle.dumps(notebook.user_ns[name]) for name in ("sunset", "foggy")]
    found = b"\n".join([repr(shown).encode(), journal_bytes(), *files, *stored])
    assert SECRET.encode() not in found
    assert "HTTP Request: POST https://runapi.ai/api/v1/luma/modify_video" in caplog.text
    header = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
    assert {seen.key for kind in ("price", "quote") for seen in service.seen(kind)} == {header}
    assert {seen.key for seen in service.seen("submit")} == {"Bearer ace-secret", "Bearer run-secret"}
    assert {httpx.URL(seen.request.url).userinfo for seen in service.all_seen} == {b""}


def test_login_in_an_older_journal_is_not_read(notebook: Shell) -> None:
    """What an earlier version wrote down with the address goes no further."""
    clip = luma.generate("A sunset").wait()
    stored = clip.__reduce__()[1][0]
    stored["task"] |= {"base_url": f"https://{LOGIN}@api.acedata.cloud", "media": "there", "source_label": GIVEN}
    notebook.restart()
    task = kernel.session.restore_clip(stored).task
    assert (task.base_url, task.source_label) == ("https://api.acedata.cloud", "https://videos.example/x.mp4?…")
