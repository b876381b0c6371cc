"""A kernel that runs for weeks: what it holds after ten thousand clips."""
