"""Video and picture files: read and written for the demo service and the engine. PyAV, numpy, Pillow: all optional.

codec        MP4 and image files to frames and back
frames       single frames and the length of a saved video
appearance   how a picture looks: bits, orientation, transparency, profiles
pictures     pictures as a notebook has them, checked and made ready to be sent
fonts        fonts that can draw a text
"""
