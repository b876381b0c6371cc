"""Tests of what is on disk around each step that costs: the journal, its file, and who follows what."""
