"""Films made from shots, on this machine: joined, cut, faded, with titles, sound and captions. PyAV, numpy, Pillow.

A `FilmSpec` becomes a `FilmPlan` becomes a file. PyAV is loaded when the first film is planned.

making         plan a film, make it: what the rest of the package calls
spec           what a film is made of, and what making it comes to
plan           how a film is made: where each part lies, and whether video is copied or encoded
planning       from the one to the other
writing        a planned film into a file: tracks side by side, in the order of their times
copying        packets of video as they are
encoding       frames and sound to packets
frames         the frames of a film, one by one
planes         frames as arrays: sizes, colours, cross-fades
titles         titles over the beginnings of parts
sources        what video files are
packets        what packets tell: how long a video is, how its frames follow each other, whether it is whole
avc            packets of H.264: whether they may be damaged
stills         pictures and animations
troubles       what is said of parts that cannot be used
sound          the sound of a film, block by block: parts, music, voice, and how loud they are
sound_files    sound files and the sound of videos, decoded to stereo at 48 kHz
sound_filters  sound through FFmpeg's filters
loudness       how loud a sound is, in LUFS
captions       a track of captions, and WebVTT
exports        videos as MP4, WebM, GIF, WebP and PNG files
excerpts       a stretch of a video as pictures of one size, at even intervals
contact_sheet  clips as labelled pictures on paper
labelled_sheet clips as a table of pictures, with labels of its rows and columns
tiles          what both are made of: pictures, and lines of text that fit
"""
