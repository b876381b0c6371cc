"""People at the pages of a gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.gateway import RunningGateway
from tests.support.visitor import Visitor, visitor


@pytest.fixture
def teacher(gateway: RunningGateway) -> Iterator[Visitor]:
    """A teacher who has signed in."""
    signed_in = visitor(gateway, "miss", teaches=True)
    yield signed_in
    signed_in.close()


@pytest.fixture
def student(gateway: RunningGateway) -> Iterator[Visitor]:
    """A student, ann, who has signed in."""
    signed_in = visitor(gateway, "ann", "films")
    yield signed_in
    signed_in.close()
