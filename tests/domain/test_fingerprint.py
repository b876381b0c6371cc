"""Fingerprints: what makes two requests the same, in all versions; a file counts by its content."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import ExtendRequest, FrameRef, GenerateRequest, ModifyRequest, Request, VideoRef
from luma_jupyter.domain.vocabulary import ASPECT_RATIOS

INTENT = "0123456789abcdef" * 2
SOURCE_INTENT = "fedcba9876543210" * 2
URL = "https://x.example/v.mp4"
# Frozen: another digest for the same request would make people pay for it again.
GOLDEN: dict[str, tuple[Request, str | None]] = {
    "1052026a82387f0840304d2a3da14697a17f6da69c9bb88a8d55c8666f921241": (GenerateRequest(prompt="A red fox"), None),
    "eb3f765bc80fed25717a1de07967d864e0dd50c1eeb1d5a945caa448479df865": (
        GenerateRequest(
            prompt="Élan 宇航员 🦊",
            aspect_ratio="9:16",
            loop=True,
            enhancement=False,
            start_image="https://x.example/a.png",
            end_image="https://x.example/b.png",
        ),
        None,
    ),
    "8f8d942679c2e5dfcacf723c54ebd75484cb0cc65ce9f948215149914cc7827f": (
        ExtendRequest(prompt="It runs", source=VideoRef(video_id="v-1")),
        None,
    ),
    "ddb30a6136dfc008afcf94a61dc6bf4dba0825fd4e200bf4d9859f43595393b8": (
        ExtendRequest(prompt="It runs", end_image="https://x.example/b.png"),
        INTENT,
    ),
    "1a360ba96f04816bafd2dbbf06b7fe6e9267b454d8a1f0c12a10cb14ea1054d9": (
        ModifyRequest(prompt="Fog", source=VideoRef(url=URL), watermark=True),
        None,
    ),
    "67a730969740d18375860389438aa177f3239c6147995a8647f6556bd5b3d8f4": (
        ModifyRequest(prompt="Fog", watermark="w-1"),
        INTENT,
    ),
    "66cab0f231e934d79a6aa38e89c67898a5b9f41278f456904e81a4d0d0053efe": (
        GenerateRequest(
            prompt="Night falls", start_image=FrameRef(INTENT, "last", "storm"), end_image=FrameRef(INTENT, 2.5)
        ),
        None,
    ),
    "09257b8a991fe1e6c7fba54f858461ae8e4b54cb78eb6321e2803476febf8727": (
        ExtendRequest(prompt="It runs", end_image=FrameRef(INTENT, "first")),
        SOURCE_INTENT,
    ),
}


@pytest.mark.parametrize("digest", GOLDEN)
def test_fingerprint_is_frozen(digest: str) -> None:
    """Equal requests have equal fingerprints in all versions."""
    assert fingerprint(*GOLDEN[digest]) == digest


FOX = GenerateRequest(prompt="A red fox")
RUN = ExtendRequest(prompt="It runs", source=VideoRef(video_id="v-1"))
FOG = ModifyRequest(prompt="Fog", source=VideoRef(url=URL))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (FOX, replace(FOX, callback_url="https://hook.example/")),
        (FOX, GenerateRequest(prompt="  A red fox\n", aspect_ratio="16:9", loop=False, enhancement=True)),
        (GenerateRequest(prompt="Élan"), GenerateRequest(prompt=unicodedata.normalize("NFD", "Élan"))),
        (GenerateRequest(prompt="A red fox"), GenerateRequest(prompt="A  red\nfox ")),
        (RUN, replace(RUN, callback_url="https://hook.example/")),
        (FOG, replace(FOG, watermark=None)),
        (FOX, replace(FOX, take=1)),
    ],
    ids=["callback", "defaults", "NFD", "spaces", "callback of extend", "default watermark", "first take"],
)
def test_fingerprint_ignores_callbacks_defaults_and_spaces(one: Request, other: Request) -> None:
    """Callback URLs, spelled-out defaults, white space around a prompt and its Unicode form change nothing."""
    assert fingerprint(one, None) == fingerprint(other, None)
    assert fingerprint(one, INTENT) == fingerprint(other, INTENT)


def test_fingerprint_differs_with_every_parameter() -> None:
    """Requests that differ in the action, the words or any one parameter have different fingerprints."""
    different: list[Request] = [
        FOX,
        replace(FOX, prompt="A red fox."),
        replace(FOX, prompt="a red fox"),
        *(replace(FOX, aspect_ratio=ratio) for ratio in ASPECT_RATIOS if ratio != "16:9"),
        replace(FOX, loop=True),
        replace(FOX, enhancement=False),
        replace(FOX, start_image="https://x.example/a.png"),
        replace(FOX, end_image="https://x.example/a.png"),
        *(replace(request, take=take) for request in (FOX, RUN, FOG) for take in (2, 3, 999)),
        ExtendRequest(prompt="A red fox"),
        ModifyRequest(prompt="A red fox"),
        RUN,
        replace(RUN, source=VideoRef(video_id="v-2")),
        replace(RUN, source=VideoRef(url=URL)),
        replace(RUN, end_image="https://x.example/a.png"),
        FOG,
        replace(FOG, source=VideoRef(url=f"{URL}?2")),
        replace(FOG, watermark=True),
        replace(FOG, watermark=False),
        replace(FOG, watermark="true"),
        replace(FOG, watermark="w-1"),
    ]
    assert len({fingerprint(request, None) for request in different}) == len(different)


@pytest.mark.parametrize("request_", [RUN, FOG])
def test_fingerprint_counts_a_clip_by_its_intent(request_: ExtendRequest | ModifyRequest) -> None:
    """A source that is a clip counts by what it was wanted as, whatever id or URL its video got; another is another."""
    bare = replace(request_, source=None)
    known = fingerprint(bare, INTENT)
    assert fingerprint(request_, INTENT) == known
    assert fingerprint(replace(request_, source=VideoRef(video_id="v-9", url=f"{URL}?signed")), INTENT) == known
    assert fingerprint(request_, SOURCE_INTENT) != known != fingerprint(request_, None)
    assert fingerprint(bare, None) != known


INTENTS = st.text("0123456789abcdef", min_size=32, max_size=32)
MOMENTS = st.sampled_from(["first", "last"]) | st.floats(0, 1e6)


@settings(max_examples=100, derandomize=True, database=None)
@given(INTENTS, INTENTS, MOMENTS, MOMENTS, st.text(), st.text())
def test_fingerprint_counts_a_frame_by_clip_and_moment(
    intent: str, other: str, when: float | str, then: float | str, label: str, renamed: str
) -> None:
    """What the clip is called, and how the frame looks, changes nothing; another clip, moment or field does."""
    frame, moved = FrameRef(intent, when, label), FrameRef(other, then, label)
    known = fingerprint(replace(FOX, start_image=frame), None)
    assert fingerprint(replace(FOX, start_image=replace(frame, label=renamed, preview="data:…")), None) == known
    assert (fingerprint(replace(FOX, start_image=moved), None) == known) == (frame == moved)
    assert fingerprint(replace(FOX, end_image=frame), None) != known != fingerprint(FOX, None)
