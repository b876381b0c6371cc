"""Kernels that are killed at any moment of their lives, and what the next kernel makes of what they left."""
