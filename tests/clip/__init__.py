"""Clips, lists of them, and the session that they belong to."""
