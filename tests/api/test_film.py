"""`film`: what it takes as parts and refuses, and what comes of it: a clip as any other, for nothing."""

from __future__ import annotations

import errno
import json
import pickle
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import luma_jupyter as luma
from luma_jupyter import film
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.domain.pieces import Piece
from luma_jupyter.domain.requests import FilmRequest, ModifyRequest
from luma_jupyter.engine.library.film_files import FilmFiles
from luma_jupyter.errors import ClipError, InvalidRequest
from luma_jupyter.video import frames
from tests.support import settings
from tests.support.film_maker import FakeMaker
from tests.support.notebook import Kernels, PromptService

pytestmark = pytest.mark.usefixtures("engine", "filmed")


@dataclass
class Part:
    """A part of a clip, as `clip.cut` gives one."""

    clip: Clip
    start: float
    end: float

    @property
    def piece(self) -> Piece:
        label = f"{self.clip.source_label}@{self.start:g}-{self.end:g}"
        return Piece(source=self.clip.task.intent, label=label, start=self.start, end=self.end)


@pytest.fixture
def clip() -> Clip:
    """A clip that is done."""
    return luma.generate("A harbour").wait()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "title.png"
    Image.new("RGB", (64, 32), "green").save(path)
    return path


def request_of(made: Any) -> FilmRequest:
    assert isinstance(made, Clip)
    request = made.task.request
    assert isinstance(request, FilmRequest)
    return request


def restart(kernels: Kernels) -> None:
    kernels.kill()
    kernels.start()


def colours(path: Path, *moments: float) -> list[str]:
    """What is to be seen at these seconds: red, green or blue."""
    means = [np.asarray(frames.frame_at(path, moment)).mean((0, 1)) for moment in moments]
    return [("red", "green", "blue")[int(mean.argmax())] for mean in means]


def test_film_joins_clips_parts_files_and_pictures(clip: Clip, picture: Path) -> None:
    """All that there is to see goes into one film, in the order in which it was named."""
    wave = shutil.copy(clip.file(), picture.with_name("wave.mp4"))
    made = film([clip, Part(clip, 0.5, 1), [ClipList([clip]), str(wave)], (picture, 1), Image.open(picture)]).wait()
    assert made.duration == pytest.approx(1 + 0.5 + 1 + 1 + 1 + 3, abs=0.1)
    assert colours(made.file(), 0.2, 0.7, 1.2, 1.7, 2.2, 4, 7) == [
        *("red", "blue", "blue", "red", "blue", "green", "green"),
    ]
    assert (made.action, made.provider, made.url, made.video_id) == ("film", "local", None, None)
    assert (made.width, made.height) == (64, 32)
    assert [str(part) for part in request_of(made).parts][1:] == [
        *(f"{clip.source_label}@0.5-1", clip.source_label, "wave.mp4", "title.png", "picture 6"),
    ]


def test_film_is_free(clip: Clip, service: PromptService) -> None:
    """A film sends nothing, and no money counts it."""
    sent, spent = len(service.all_seen), kernel.session.engine.costs.spent_today()
    film([clip]).wait()
    assert len(service.all_seen) == sent
    assert kernel.session.engine.costs.spent_today() == spent


def test_film_waits_for_its_clips(service: PromptService) -> None:
    """A film of clips that are being made is there at once, queued; it is made when they are done."""
    service.gate.clear()
    shots = luma.batch(["A harbour", "A storm"])
    made = film(shots)
    assert made.status == "queued"
    assert made.state.waits_for == [shots[0].source_label, shots[1].source_label]
    service.gate.set()
    assert made.wait().duration == pytest.approx(2, abs=0.1)


def test_film_of_a_clip_that_fails_fails(clip: Clip) -> None:
    """A film whose clip fails says which one, and was not made."""
    made = film([clip, luma.generate("A storm [fail]")])
    with pytest.raises(ClipError, match=r"Nothing was made: its part clip:\w{8} ended as failed"):
        made.wait()


def test_film_has_titles_captions_and_a_name(clip: Clip) -> None:
    """A title alone is for the beginning and names the film; captions are one for each part."""
    made = film([clip, clip], titles="Night at sea", captions=["Waves", None]).wait()
    first, second = request_of(made).parts
    assert (first.title, first.caption, second.title, second.caption) == ("Night at sea", "Waves", None, None)
    assert made.prompt == "Night at sea"
    assert made.file().name.startswith("night-at-sea-")
    captions = made.file().with_suffix(".vtt").read_text()
    assert captions.startswith("WEBVTT")
    assert "Waves" in captions


def test_titles_are_one_for_each_part(clip: Clip) -> None:
    """A list of titles has one for each part, None where there is none."""
    made = film([clip, [clip, clip]], titles=["One", None, "Three"])
    assert [part.title for part in request_of(made).parts] == ["One", None, "Three"]
    made.wait()


def test_film_without_captions_has_no_file_of_them(clip: Clip) -> None:
    """Captions lie beside a film only where it has some."""
    assert not film([clip]).wait().file().with_suffix(".vtt").exists()


@pytest.mark.parametrize(
    ("parts", "options", "words"),
    [
        ([], {}, "A film needs at least one part: a clip, a cut, a video file or a picture."),
        (["gone.mp4"], {}, "Part 1 of the film: there is no file 'gone.mp4'."),
        (["."], {}, "Part 1 of the film: '.' is a folder."),
        (["notes.txt"], {}, "notes.txt is no video or picture"),
        (["https://x.example/v.mp4"], {}, "Part 1 of the film must be a path, not 'https://x.example/v.mp4'."),
        ([3], {}, "Part 1 of the film must be a clip, a part of one, a list of these, a path or a picture, not 3."),
        ([None], {}, "Part 1 of the film must be a clip"),
        ({"a": 1}, {}, "Part 1 of the film must be a clip"),
        ([b"no picture"], {}, "Part 1 of the film: this is not a picture"),
        ([("title.png", 0)], {}, "Part 1 of the film: seconds must be how many seconds the picture is shown"),
        ([("clip.mp4", 5)], {}, "Part 1 of the film: seconds are for pictures, and clip.mp4 is not one; cut a clip"),
        ([("title.png", "2 s")], {}, "Part 2 of the film: '2 s' is neither a clip nor a file. Write a clip without"),
        ([("title.png", "2")], {}, "Part 1 of the film: seconds must be how many seconds the picture is shown"),
        (["A red train"], {}, "Part 1 of the film: 'A red train' is neither a clip nor a file. Write a clip without"),
        (["clip.mp4"], {"fade": -1}, "fade must be a number of seconds, 0 or more, not -1."),
        (["clip.mp4"], {"size": (3, 3)}, "size must be width and height in pixels"),
        (["clip.mp4"], {"fps": 500}, "fps must be a number of frames per second"),
        (
            ["clip.mp4"],
            {"titles": ["a", "b"]},
            "titles needs a text for each part, None where there is none: it has 2, not 1.",
        ),
        (["clip.mp4"], {"titles": [3]}, "title must be text, not int."),
        (["clip.mp4"], {"titles": 3}, "titles must be a list of texts, one for each part, not 3."),
        (["clip.mp4"], {"captions": "Waves"}, "captions must be a list of texts, one for each part, not 'Waves'."),
        (
            ["clip.mp4"],
            {"captions": []},
            "captions needs a text for each part, None where there is none: it has 0, not 1.",
        ),
        (["clip.mp4"], {"music": "gone.mp3"}, "music: there is no file 'gone.mp3'."),
        (["clip.mp4"], {"voice": 3}, "voice must be a path, not 3."),
        (["clip.mp4"], {"out": "film.mov"}, "out must be an MP4 file, such as film.mp4, not 'film.mov'."),
        (["clip.mp4"], {"out": "gone/film.mp4"}, "out: "),
        (["clip.mp4"], {"out": "folder.mp4"}, "out: "),
        (["clip.mp4"], {"again": "yes"}, "again must be True or False, not 'yes'."),
        (["clip.mp4"], {"dry_run": "yes"}, "dry_run must be True or False, not 'yes'."),
    ],
)
def test_film_refuses_what_cannot_be_used(
    parts: Any, options: dict[str, Any], words: str, clip: Clip, picture: Path, tmp_path: Path
) -> None:
    """Each bad value is one clear line, and no film is begun."""
    shutil.copy(clip.file(), tmp_path / "clip.mp4")
    (tmp_path / "notes.txt").write_text("no video")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(InvalidRequest) as caught:
        film(parts, **options)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    assert [made.action for made in luma.clips()] == ["generate"]


def test_film_of_too_many_parts_is_refused(clip: Clip) -> None:
    """Beyond a thousand parts a film is refused, however many there would be."""
    with pytest.raises(InvalidRequest, match=r"A film has at most 1,000 parts, and these are more\."):
        film(clip for _ in range(10**9))


def test_dry_run_tells_what_the_film_comes_to(clip: Clip) -> None:
    """A dry run tells length, size, parts and what is encoded; nothing is made."""
    told = film([clip, Part(clip, 0.5, 1)], fade=0.2, dry_run=True)
    assert not isinstance(told, Clip)
    assert (told.length, told.size, told.copied) == (pytest.approx(1.3, abs=0.11), (64, 32), False)
    lines = repr(told).splitlines()
    assert "2 parts" in lines[0]
    assert "64 × 32" in lines[0]
    assert "fades" in lines[0]
    assert lines[1].endswith(f"{clip.source_label} (1.00 s)")
    assert film([clip, clip], dry_run=True).copied  # type: ignore[union-attr]  # no clip
    assert len(list(clip.file().parent.glob("*.mp4"))) == 1


def test_dry_run_of_a_clip_that_is_not_done_says_so(service: PromptService) -> None:
    """A dry run looks into the files, so all clips have to be done."""
    service.gate.clear()
    clip = luma.generate("A harbour")
    with pytest.raises(InvalidRequest, match=r"A dry run looks into the files, and clip:\w{8} is \w+: `clip"):
        film([clip], dry_run=True)


def test_film_says_whether_video_is_copied(clip: Clip) -> None:
    """Its card says how the video is made, and why: words that a notebook keeps."""
    assert film([clip, clip]).wait().task.making == "video copied"
    faded = film([clip, clip], fade=0.2).wait()
    assert faded.task.making == "video encoded again for the fades"
    assert "video encoded again for the fades" in kernel.presenter.html(faded)


def test_film_is_saved_as_another_file(clip: Clip, tmp_path: Path) -> None:
    """``out`` is a copy of the film, there when it is done, with its captions beside it."""
    made = film([clip], captions=["Waves"], out="movie.mp4").wait()
    assert (tmp_path / "movie.mp4").read_bytes() == made.file().read_bytes()
    assert (tmp_path / "movie.vtt").read_bytes() == made.file().with_suffix(".vtt").read_bytes()


def test_file_of_a_film_without_captions_has_none_of_an_earlier_one(clip: Clip, tmp_path: Path) -> None:
    """The same ``out`` again, for a film without captions: those of before are not beside it."""
    film([clip], captions=["Waves"], out="movie.mp4").wait()
    film([clip], out="movie.mp4").wait()
    assert (tmp_path / "movie.mp4").is_file()
    assert not (tmp_path / "movie.vtt").exists()


def test_the_file_of_a_clip_is_never_replaced(clip: Clip) -> None:
    """What a clip's sidecar names stays what it is, whatever is saved there: nobody gets it again for nothing."""
    other = luma.generate("A storm").wait()
    before = other.file().read_bytes()
    for save in (
        lambda: film([clip, clip], out=other.file()),
        lambda: film([clip, clip], out=f"luma_videos/{other.file().name}"),
        lambda: clip.save(other.file()),
        lambda: clip[:0.5].save(other.file()),
    ):
        with pytest.raises(InvalidRequest, match=r"is a clip's own file: save it under another name\.$"):
            save()
    assert other.file().read_bytes() == before


def test_folder_that_cannot_be_written_is_refused_at_once(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a film cannot be saved, that is said before it is made."""

    def refuse(folder: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("luma_jupyter.clip.film_parts.check_writable", refuse)
    with pytest.raises(InvalidRequest, match=r"out: '.*movie\.mp4' cannot be saved \(Read-only file system\)\."):
        film([clip], out="movie.mp4")
    assert [made.action for made in luma.clips()] == ["generate"]


def test_film_that_was_made_is_found_again(clip: Clip, kernels: Kernels, service: PromptService) -> None:
    """After a restart the same cells give the same film: nothing is made, and nothing is sent."""
    first = film([clip, clip], fade=0.2).wait()
    restart(kernels)
    again = film([luma.generate("A harbour"), luma.generate("A harbour")], fade=0.2)
    assert (again.status, again.path, again.handle.reused) == ("completed", first.path, True)
    assert len(service.sent) == 1
    made = film([luma.generate("A harbour")] * 2, fade=0.2, again=True).wait()
    assert (made.path != first.path, made.task.again) == (True, 1)


def test_film_is_found_in_a_folder_that_was_handed_on(
    clip: Clip, kernels: Kernels, service: PromptService, tmp_path: Path
) -> None:
    """Without journal and key the folder alone plays the film."""
    first = film([clip], captions=["Waves"]).wait()
    settings.configure(home=tmp_path / "another home", acedata_token=None, runapi_key=None)
    restart(kernels)
    again = film([luma.generate("A harbour")], captions=["Waves"])
    assert (again.status, again.path, len(service.sent)) == ("completed", first.path, 1)


def test_film_is_a_source_as_any_clip(clip: Clip, service: PromptService) -> None:
    """A film is modified as a file, which is uploaded; where a step was asked for before it was done, too."""
    made = film([clip])
    made.modify("Fog").wait()
    made.extend("On it goes").wait()
    assert len([form for form in service.uploaded if b"ftyp" in form]) == 2
    modified, extended = service.sent[1:]
    assert "source_video_url" in modified
    assert "video_url" in extended
    assert "video_id" not in extended


def test_step_of_a_film_that_is_just_being_saved_waits_for_it(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """The film is made by then, and has no file yet."""
    saving, go_on, place = threading.Event(), threading.Event(), FilmFiles.place

    def place_later(files: FilmFiles, *given: Any) -> Path:
        saving.set()
        go_on.wait(20)
        return place(files, *given)

    monkeypatch.setattr(FilmFiles, "place", place_later)
    made = film([clip])
    assert saving.wait(20)
    step = made.modify("Fog")
    assert step.status == "queued"
    go_on.set()
    assert step.wait().status == "completed"


def test_step_of_a_film_goes_where_the_keys_say(clip: Clip, service: PromptService) -> None:
    """A film is of no service: what follows it goes where a file would go, also to the demo service."""
    made = film([clip]).wait()
    for provider in ("auto", "runapi"):
        spec = made._next_step(ModifyRequest(prompt="Fog"), provider=provider)
        assert kernel.session.plan(spec).provider == "runapi"
    settings.configure(provider="demo")
    spec = made._next_step(ModifyRequest(prompt="Fog"))
    assert kernel.session.plan(spec).provider == "demo"


def test_extension_of_a_film_needs_what_files_need(service: PromptService) -> None:
    """Where no file can be uploaded, that is said at once, though the film is still to be made."""
    settings.configure(acedata_platform_token=None)
    service.gate.clear()
    made = film([luma.generate("A harbour")])
    with pytest.raises(InvalidRequest) as caught:
        made.extend("On it goes")
    service.gate.set()
    made.wait()
    with pytest.raises(InvalidRequest) as of_file:
        luma.extend(made.file(), "On it goes")
    words = "is a file of yours, which AceDataCloud takes only with a platform token"
    assert words in str(caught.value)
    assert words in str(of_file.value)


def test_film_gives_frames_and_is_a_part(clip: Clip) -> None:
    """A film's frames start other clips, and a film is a part of another."""
    made = film([clip, clip])
    outer = film([made, clip], fade=0.1).wait()
    assert outer.duration == pytest.approx(2.9, abs=0.1)
    assert luma.generate("A lamp", start_image=made.at("last")).wait().status == "completed"


def test_film_has_its_parts_as_source(clip: Clip, picture: Path) -> None:
    """``source`` of a film is the list of its parts: clips of this kernel, and names of all others."""
    made = film([clip, picture]).wait()
    assert made.source == [clip, "title.png"]
    assert pickle.loads(pickle.dumps(made)) is made


def test_pickled_film_comes_back_in_another_kernel(clip: Clip, kernels: Kernels) -> None:
    """A stored film is the same film, and its parts are named where the kernel does not have them."""
    made = film([Part(clip, 0.5, 1)], titles="Sea").wait()
    label, stored = str(request_of(made).parts[0]), pickle.dumps(made)
    restart(kernels)
    again = pickle.loads(stored)
    assert (again.prompt, again.path, again.source) == ("Sea", made.path, [label])
    assert request_of(again) == request_of(made)


def test_film_is_in_all_that_shows_clips(clip: Clip) -> None:
    """Tables, history, gallery, comparison and tree have films as they have clips."""
    made = film([clip, clip], fade=0.2).wait()
    made.name = "movie"
    table = repr(ClipList([clip, made]))
    assert "film of 2 parts, fade 0.2 s" in table
    assert "local" in table
    assert [shown.task.intent for shown in luma.clips()] == [clip.task.intent, made.task.intent]
    assert list(luma.gallery([made])) == [made]
    luma.compare(clip, made)
    assert "movie: film of 2 parts" in repr(clip.lineage())


def test_film_of_a_plain_notebook_needs_no_key(clip: Clip, kernels: Kernels) -> None:
    """Without any key a film is no simulation: it is made here, and says so."""
    path = clip.file()
    settings.configure(acedata_token=None, runapi_key=None, provider="demo")
    made = film([path]).wait()
    assert (made.provider, made.status) == ("local", "completed")
    html = kernel.presenter.html(made)
    assert "this machine" in html
    assert "simulated" not in html


def test_film_that_failed_cannot_be_retried(clip: Clip) -> None:
    """A film that failed is made by its cell; a retry says so."""
    made = film([luma.generate("A storm [fail]")])
    with pytest.raises(ClipError):
        made.wait()
    with pytest.raises(InvalidRequest, match="run its cell again"):
        made.retry()


def test_film_whose_file_is_gone_is_made_by_its_cell(clip: Clip) -> None:
    """A film whose file was deleted cannot be fetched: its card says what helps, and the cell does it."""
    made = film([clip]).wait()
    made.file().unlink()
    assert made.state.loss == "Its file is gone: run its cell again."
    with pytest.raises(InvalidRequest, match="The file of the film is gone: run its cell again"):
        made.retry()
    assert film([clip]).wait().file().exists()


def test_film_stops_where_its_cell_says(service: PromptService) -> None:
    """A film that is stopped while it waits is cancelled, and no service has heard of it."""
    service.gate.clear()
    shot = luma.generate("A harbour")
    made = film([shot])
    made.stop()
    with pytest.raises(ClipError, match=r"It was stopped\. The film was not made: nothing is left of it"):
        made.wait()
    assert made.status == "cancelled"
    service.gate.set()
    shot.wait()
    assert [sent["prompt"] for sent in service.sent] == ["A harbour"]


def test_seconds_of_a_clip_are_told_to_be_a_part_of_it(clip: Clip) -> None:
    """A clip with seconds, as pictures have them, says how a part of a clip is written."""
    with pytest.raises(InvalidRequest, match=r"seconds are for pictures; for a part of a clip write clip\[0:2\]\.$"):
        film([(clip, 2)])


def test_film_that_was_stopped_can_be_asked_for_at_once(service: PromptService) -> None:
    """When ``stop`` returns, the film has ended: the next one is another, and is made."""
    service.gate.clear()
    parts = [luma.generate("A harbour")]
    made = film(parts)
    made.stop()
    assert made.status == "cancelled"
    again = film(parts)
    assert again is not made
    service.gate.set()
    assert again.wait().status == "completed"


@pytest.fixture
def maker() -> FakeMaker:
    made = FakeMaker()
    kernel.session.engine.film_maker = made.maker
    return made


def test_picture_of_one_frame_stands_and_an_animation_plays(maker: FakeMaker, tmp_path: Path) -> None:
    """A picture stands three seconds, or as long as is said; an animation plays once."""
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(tmp_path / "still.gif")
    first.save(tmp_path / "moving.gif", save_all=True, append_images=[second], duration=200)
    film(["still.gif", "moving.gif", ("still.gif", 5), np.zeros((8, 8, 3), np.uint8)]).wait()
    assert [part.seconds for part in maker.made[0].parts] == [3.0, None, 5.0, 3.0]


def test_film_takes_files_that_are_too_large_to_send(
    maker: FakeMaker, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stays here may be of any size: the limit of uploads is none of films."""
    monkeypatch.setattr("luma_jupyter.engine.local_files.LARGEST_VIDEO", 10)
    assert film([clip.file()]).wait().status == "completed"


def test_music_and_voice_are_known_by_their_content(maker: FakeMaker, clip: Clip, tmp_path: Path) -> None:
    """Sound is named by its path, and found again wherever it lies then."""
    for name in ("waves.mp3", "me.wav"):
        (tmp_path / name).write_bytes(name.encode())
    film([clip], music="waves.mp3", voice=tmp_path / "me.wav").wait()
    (tmp_path / "waves.mp3").rename(tmp_path / "sea.mp3")
    film([clip], music="sea.mp3", voice="me.wav").wait()
    (made,) = maker.made
    assert (made.music, made.voice) == (tmp_path / "waves.mp3", tmp_path / "me.wav")


def test_picture_that_a_variable_holds_is_called_by_it(maker: FakeMaker, terminal: Any) -> None:
    """What is a variable's is called so in messages and in the film's name."""
    terminal.run("from PIL import Image\nsketch = Image.new('RGB', (8, 8))")
    terminal.run("from luma_jupyter.api.film import film\nmovie = film([sketch])")
    assert kernel.session.own_clips[-1].prompt == "Film of sketch"


def test_film_is_starred_and_noted_as_any_clip(kernels: Kernels, service: PromptService) -> None:
    """What is noted while it is queued is beside it then, and another kernel finds it by that."""
    service.gate.clear()
    made = film([luma.generate("A harbour")])
    made.starred, made.note = True, "for the wall"
    service.gate.set()
    made.wait()
    assert made.path
    assert json.loads(made.path.with_suffix(".json").read_bytes())["note"] == {"starred": True, "text": "for the wall"}
    kernels.kill()
    kernels.start()
    (found,) = luma.clips(starred=True, action="film", search="WALL")
    assert (found.path, found.note) == (made.path, "for the wall")
