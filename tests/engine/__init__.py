"""Tests of the engine: an engine in a played world, its parts one by one, and how it fares when things break."""
