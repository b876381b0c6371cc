"""Video and picture files: read and written for the demo service and the engine. PyAV, numpy, Pillow: all optional.

codec      MP4 and image files to frames and back
frames     single frames and the length of a saved video
pictures   pictures as a notebook has them, checked and encoded
fonts      fonts that can draw a text
"""
