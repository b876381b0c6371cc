"""Pictures as the user names them: what is read, what is none, and what a mistake says."""

from __future__ import annotations

import pytest

from luma_jupyter.clip.images import read_images
from luma_jupyter.domain.media import LocalFile
from luma_jupyter.engine.local_files import as_image
from luma_jupyter.errors import InvalidRequest
from tests.support.pictures import encoded


@pytest.mark.parametrize("name", ["start_image", "end_image"])
def test_pictures_are_read_but_for_those_that_are_none(name: str) -> None:
    """None says nothing; any other is as with `as_image`, and called by its variable where there is one."""
    picture = encoded()
    assert read_images(lambda value: None, **{name: None}).given == {}
    for variable, called in (("pic", "pic"), (None, f"{name}.png")):
        images = read_images(lambda value, variable=variable: variable, **{name: picture})  # type: ignore[misc]
        assert images.given == {name: as_image(name, picture)}
        assert str(images.given[name]) == called
        assert images.frames == {}
    with pytest.raises(InvalidRequest, match=rf"{name} must be an http\(s\) URL, or a picture's path, not ''"):
        read_images(lambda value: None, **{name: ""})


@pytest.mark.parametrize("given", ["https://x.example/a.png", LocalFile.of(b"x", "image/png", "a.png")])
def test_address_and_text_are_no_variables(given: object) -> None:
    """Equal texts may be one object, so nobody can tell which was meant; an address stays one."""
    images = read_images(lambda value: "pic" if isinstance(value, str) else None, start_image=given)
    assert images.given == {"start_image": given}
    assert str(images.given["start_image"]) == str(given)
