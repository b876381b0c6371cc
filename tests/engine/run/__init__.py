"""Tests of a task's way, from a checked spec to a saved video."""
