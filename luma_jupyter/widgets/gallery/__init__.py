"""`Gallery`: clips as posters (gallery.py), and its parts.

shelf    which clips there are by now
tiles    the tiles of clips and files
live     the live part, and what it tells its page (gallery.js, gallery.css; player.js is the large player)
"""
