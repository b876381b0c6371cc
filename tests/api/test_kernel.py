"""The kernel's one session."""

from __future__ import annotations

from luma_jupyter.api.kernel import kernel
from luma_jupyter.engine.engine import Engine


def test_kernel_makes_its_session_once(engine: Engine) -> None:
    """A kernel has one session with one engine and one presenter, made when first needed."""
    assert kernel.session.engine is engine
    kernel.restart()
    assert not kernel.has_session
    assert kernel.session is kernel.session
    assert kernel.presenter is kernel.session.presenter
    assert kernel.session.engine is not engine
