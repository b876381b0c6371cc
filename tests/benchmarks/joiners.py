"""Join shots to a film with one client, as its documentation shows it: ``python -m tests.benchmarks.joiners CLIENT …``.

Run by `joins` in a process of its own, with CLIENT (``ours`` or ``moviepy``), the film to be made, ``--fade`` seconds,
``--music`` and the shots as arguments. Where both encode the video, they do so with x264 at the same preset and
quality, with two threads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

ALIKE = {"preset": "veryfast", "threads": 2, "ffmpeg_params": ["-crf", "23"]}  # as ours encodes


def join_ours(shots: list[Path], film: Path, fade: float, music: Path | None) -> None:
    """With luma_jupyter."""
    from luma_jupyter.films.making import make_film, plan_film
    from luma_jupyter.films.spec import FilmPart, FilmSpec

    parts = tuple(FilmPart(path=shot, label=shot.stem) for shot in shots)
    make_film(plan_film(FilmSpec(parts=parts, fade=fade, music=music)), film, lambda share: None)


def join_moviepy(shots: list[Path], film: Path, fade: float, music: Path | None) -> None:
    """With moviepy."""
    from moviepy import AudioFileClip, CompositeAudioClip, VideoFileClip, afx, concatenate_videoclips, vfx

    clips = [VideoFileClip(str(shot)) for shot in shots]
    if fade:
        clips = [clips[0], *(clip.with_effects([vfx.CrossFadeIn(fade)]) for clip in clips[1:])]
        joined = concatenate_videoclips(clips, method="compose", padding=-fade)
    else:
        joined = concatenate_videoclips(clips)
    if music:
        under = AudioFileClip(str(music)).with_effects([afx.AudioLoop(duration=joined.duration)])
        under = under.with_volume_scaled(0.3).with_effects([afx.AudioFadeOut(2)])
        joined = joined.with_audio(CompositeAudioClip([joined.audio, under]))
    joined.write_videofile(
        str(film),
        codec="libx264",
        audio_codec="aac",
        temp_audiofile_path=str(film.parent),
        logger=None,
        **(ALIKE if fade else {}),  # else ours encodes no video, and moviepy does it as it always does
    )


def main() -> None:
    """Join the shots."""
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=("ours", "moviepy"))
    parser.add_argument("film", type=Path)
    parser.add_argument("--fade", type=float, default=0.0)
    parser.add_argument("--music", type=Path)
    parser.add_argument("shots", type=Path, nargs="+")
    given = parser.parse_args()
    join = join_ours if given.client == "ours" else join_moviepy
    join(given.shots, given.film, given.fade, given.music)


if __name__ == "__main__":
    main()
