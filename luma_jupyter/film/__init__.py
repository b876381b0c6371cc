"""Films made from shots, on this machine: joined, cut, faded, with titles, sound and captions. PyAV, numpy, Pillow.

spec           what a film is made of, and what making it comes to
sound          the sound of a film, block by block: parts, music, voice, and how loud they are
sound_files    sound files and the sound of videos, decoded to stereo at 48 kHz
sound_filters  sound through FFmpeg's filters, and how loud it is
"""
