"""Films made from shots, on this machine: joined, cut, faded, with titles, sound and captions. PyAV, numpy, Pillow.

spec           what a film is made of, and what making it comes to
sound          the sound of a film, block by block: parts, music, voice, and how loud they are
sound_files    sound files and the sound of videos, decoded to stereo at 48 kHz
sound_filters  sound through FFmpeg's filters
loudness       how loud a sound is, in LUFS
captions       a track of captions, and WebVTT
exports        videos as MP4, WebM, GIF, WebP and PNG files
excerpts       a stretch of a video as pictures of one size, at even intervals
contact_sheet  clips as labelled pictures on paper
"""
