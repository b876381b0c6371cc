"""The tiles of clips and of video files, as a page of this moment can show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from luma_jupyter.clip.clip import Clip
from luma_jupyter.display.embedding import video_src, with_video
from luma_jupyter.display.environment import Environment
from luma_jupyter.domain.mp4 import seconds_of
from luma_jupyter.domain.note import NO_NOTE, Note
from luma_jupyter.views.clip_state import relative_url
from luma_jupyter.views.gallery import FileTile, Tile
from luma_jupyter.widgets.posters import embedded_size, file_poster_src, poster_src


def tiles(
    clips: Sequence[Clip],
    files: Mapping[str, Path],
    environment: Environment,
    notes: Mapping[str, Note],
    *,
    videos: bool = True,
) -> list[Tile | FileTile]:
    """The tiles of clips with their ``notes``, by intent; then of files by their words.

    Of those that the host embeds, as many posters are in them as its limit allows, then ``videos``.
    """
    made: list[Tile | FileTile] = []
    folders = [clip.task.path.parent if clip.task.path else None for clip in clips]
    folders += [file.absolute().parent for file in files.values()]
    host_of = {folder: environment.host(folder=folder) for folder in dict.fromkeys(folders)}
    hosts = [host_of[folder] for folder in folders]
    room = max((host.limit for host in hosts), default=0)
    for clip, host in zip(clips, hosts, strict=False):
        state = replace(clip.state, served=host.serves)
        src = poster_src(state, host, room)
        room -= embedded_size(src)
        seconds = seconds_of(state.task.path) if state.task.path and not state.gone else None
        made.append(Tile(state, src, seconds, notes.get(state.task.intent, NO_NOTE)))
    for (word, file), host in zip(files.items(), hosts[len(clips) :], strict=True):
        src = file_poster_src(file, word, host, room)
        room -= embedded_size(src)
        made.append(FileTile(word, relative_url(word) if host.serves else None, src, seconds_of(file)))
    for index, (tile, host) in enumerate(zip(made, hosts, strict=True)):
        limited = replace(host, limit=room)
        if host.how != "embed" or not videos:
            continue
        if isinstance(tile, Tile):
            made[index] = tile = replace(tile, state=with_video(tile.state, limited))
            room -= embedded_size(tile.state.data)
        else:
            made[index] = tile = replace(tile, src=video_src(files[tile.path], limited))
            room -= embedded_size(tile.src)
    return made
