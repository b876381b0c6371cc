"""The ``%%luma`` language."""
