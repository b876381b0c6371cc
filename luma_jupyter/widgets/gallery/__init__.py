"""`Gallery`: clips as posters (gallery.py, gallery.js, gallery.css)."""
