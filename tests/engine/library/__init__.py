"""Tests of the media folder: videos, and the two files beside each."""
