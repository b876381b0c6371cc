"""`Comparison`: clips side by side (compare.py, compare.js, compare.css)."""
