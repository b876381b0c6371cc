"""``%%luma`` and ``%luma``, and the extension that brings them."""
