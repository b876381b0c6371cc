"""Tests of the values that the floors hand each other."""
