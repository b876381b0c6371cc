"""The video in the notebook itself: where the host wants that, and what is said where it is not."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from luma_jupyter.display.embedding import LARGEST_CAPTIONS, video_src, with_captions, with_video
from luma_jupyter.domain.pieces import Piece
from luma_jupyter.domain.requests import FilmRequest
from luma_jupyter.domain.task import Video
from luma_jupyter.views import table
from luma_jupyter.views.clip_html import final_html
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.host import Host, Surroundings, decide
from tests.support.html import Tags, video_source
from tests.support.states import COLAB, LAB, VSCODE, clip_state, counted


def shown(path: Path, host: Host, **changes: object) -> ClipState:
    """A completed clip with its saved file at ``path``, as the final drawing of ``host`` gets it."""
    return with_video(replace(clip_state(path=path, **changes), served=host.serves), host)


@pytest.mark.parametrize("seen", [VSCODE, COLAB], ids=["VS Code", "Colab"])
def test_a_host_that_serves_no_files_gets_the_video_in_the_html(seen: Surroundings, saved_video: Path) -> None:
    """Up to its limit: the very bytes of the file, and no relative address that leads nowhere."""
    host = replace(decide(seen), limit=100)
    html = final_html(shown(saved_video, host))
    kind, _, data = (video_source(html) or "").partition(",")
    assert kind == "data:video/mp4;base64"
    assert b64decode(data) == saved_video.read_bytes()
    assert [address for address in Tags(html).addresses() if "luma_videos" in address] == []
    assert "Saved as <code>luma_videos/a-sunset-3f9c2a1b.mp4</code>" in html
    assert ">At the service</a>" in html


@pytest.mark.parametrize("seen", [VSCODE, COLAB], ids=["VS Code", "Colab"])
def test_a_video_above_the_limit_plays_from_the_service(seen: Surroundings, saved_video: Path) -> None:
    """With a word on why; where the service's address is none for others, words alone."""
    host = replace(decide(seen), limit=99)
    html = final_html(shown(saved_video, host))
    assert video_source(html) == "https://cdn.example/v.mp4"
    assert "too large to be in the notebook" in html
    assert "It plays from the service as long as its address there works." in html
    demo = final_html(shown(saved_video, host, provider="demo", video=Video("http://127.0.0.1:5000/media/v.mp4", "v")))
    assert video_source(demo) is None
    assert "127.0.0.1" not in demo
    assert "Nothing here can play it." in demo
    assert "Saved as <code>" in demo


def test_a_video_that_its_page_may_not_reach_is_shown_with_the_reason(saved_video: Path) -> None:
    """Inside the notebook up to the limit, above it at the service; and what the user asked for needs no reason."""
    host = replace(decide(LAB, doubt="It is hidden."), limit=100)
    inside = final_html(shown(saved_video, host))
    assert (video_source(inside) or "").startswith("data:video/mp4;base64,")
    assert "It is hidden. So the video is in the notebook itself." in inside
    beyond = final_html(shown(saved_video, replace(host, limit=99)))
    assert video_source(beyond) == "https://cdn.example/v.mp4"
    assert "It is hidden. The video is too large to be in the notebook" in beyond
    assert "It is hidden" not in final_html(shown(saved_video, decide(LAB, True, doubt="It is hidden.")))
    saved_video.unlink()
    assert "It is hidden. The saved file cannot be read" in final_html(shown(saved_video, host))


@pytest.mark.parametrize("seen", [VSCODE, COLAB], ids=["VS Code", "Colab"])
def test_a_demo_clip_is_embedded_without_its_loopback_address(seen: Surroundings, saved_video: Path) -> None:
    """A simulated video plays from the notebook alone."""
    html = final_html(
        shown(saved_video, decide(seen), provider="demo", video=Video("http://127.0.0.1:5000/v.mp4", "v"))
    )
    assert (video_source(html) or "").startswith("data:video/mp4;base64,")
    assert "127.0.0.1" not in html


@pytest.mark.parametrize(
    ("seen", "src"),
    [(VSCODE, "https://cdn.example/v.mp4"), (LAB, "luma_videos/a-sunset-3f9c2a1b.mp4")],
    ids=["VS Code", "JupyterLab"],
)
def test_a_saved_file_that_cannot_be_read_falls_back_with_words(
    seen: Surroundings, src: str, saved_video: Path
) -> None:
    """A file that somebody moved is no error: the next best address is shown, and why."""
    saved_video.unlink()
    html = final_html(shown(saved_video, decide(seen, True)))
    assert video_source(html) == src
    assert "The saved file cannot be read (No such file or directory)" in html


@pytest.mark.parametrize("seen", [VSCODE, COLAB, LAB], ids=["VS Code", "Colab", "JupyterLab"])
def test_a_clip_whose_file_is_gone_says_so(seen: Surroundings, saved_video: Path) -> None:
    """With or without embedding: the service's address plays, and the words say how the file comes back."""
    state = replace(clip_state(path=saved_video), served=decide(seen).serves, gone=True)
    html = final_html(with_video(state, decide(seen, True)))
    assert video_source(html) == "https://cdn.example/v.mp4"
    assert "Its file is gone: `%luma retry sunset` fetches it again." in html


def test_a_clip_without_a_file_plays_from_the_service(saved_video: Path) -> None:
    """Where the download failed there is nothing to embed."""
    html = final_html(with_video(clip_state(path=None), decide(VSCODE)))
    assert video_source(html) == "https://cdn.example/v.mp4"


def test_vscode_without_embedding_plays_from_the_service(saved_video: Path) -> None:
    """--no-embed in VS Code: the notebook stays small, and the service's address is used."""
    html = final_html(shown(saved_video, decide(VSCODE, False)))
    assert video_source(html) == "https://cdn.example/v.mp4"
    assert "cannot be read" not in html
    assert "--embed" not in html
    demo = final_html(
        shown(saved_video, decide(VSCODE, False), provider="demo", video=Video("http://127.0.0.1:5000/v.mp4"))
    )
    assert video_source(demo) is None
    assert "This page cannot reach the saved file; --embed puts" in demo


def test_jupyterlab_embeds_only_when_asked(saved_video: Path) -> None:
    """The relative address is enough there; asked for, the video is embedded, and the links to the file stay."""
    saved_video.unlink()
    assert video_source(final_html(shown(saved_video, decide(LAB)))) == "luma_videos/a-sunset-3f9c2a1b.mp4"
    saved_video.write_bytes(b"video")
    html = final_html(shown(saved_video, decide(LAB, True)))
    assert video_source(html) == "data:video/mp4;base64," + b64encode(b"video").decode()
    assert 'href="luma_videos/a-sunset-3f9c2a1b.mp4"' in html


def test_final_table_never_embeds(saved_video: Path) -> None:
    """Many clips would make a notebook that nobody can open: links alone, and only such that lead somewhere."""
    assert "data:" not in table.final_html("key", *counted(*[shown(saved_video, decide(VSCODE))] * 3))
    links = Tags(table.final_html("key", *counted(replace(clip_state(), served=False), clip_state()))).addresses()
    assert links == ["https://cdn.example/v.mp4", "luma_videos/a-sunset-3f9c2a1b.mp4"]


def test_a_plain_video_is_embedded_up_to_the_limit(saved_video: Path) -> None:
    """The very bytes where there is room for them; else, or where the file went away, nothing."""
    host = replace(decide(COLAB), limit=100)
    assert video_src(saved_video, host) == f"data:video/mp4;base64,{b64encode(saved_video.read_bytes()).decode()}"
    assert video_src(saved_video, replace(host, limit=99)) is None
    saved_video.unlink()
    assert video_src(saved_video, host) is None


@pytest.mark.parametrize(
    ("written", "shown"),
    [(b"WEBVTT\n", "WEBVTT\n"), (None, ""), (b"\xff", ""), (b"x" * (LARGEST_CAPTIONS + 1), "")],
    ids=["there", "not there", "no text", "too large"],
)
def test_a_film_is_shown_with_the_captions_beside_it(saved_video: Path, written: bytes | None, shown: str) -> None:
    """Where they can be read; else it is shown without."""
    if written is not None:
        saved_video.with_suffix(".vtt").write_bytes(written)
    film = clip_state(path=saved_video, provider="local", request=FilmRequest(parts=(Piece(source="0" * 32),)))
    assert with_captions(film).captions == shown
    assert with_captions(replace(film, gone=True)).captions == ""
    assert with_captions(clip_state(path=saved_video)).captions == ""
