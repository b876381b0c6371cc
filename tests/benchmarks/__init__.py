"""Measurements of how clients behave; run by hand, not by pytest."""
