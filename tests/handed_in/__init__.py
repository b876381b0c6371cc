"""Tests of what is handed in and collected."""
