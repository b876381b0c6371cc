"""The built-in demo service: both vendors' APIs on loopback, answered with real, clearly labelled films.

It exists so that the package works in the first minute, without a key, and so that every part of it can be tried
against something that behaves as the paid services do. `server.start` is the door; nothing else here is public.

server     start and close: a thread, a socket, a folder of its own
app        the two APIs and the media files on one tornado application
acedata    generate, extend, task look-up and uploads, as AceDataCloud speaks
runapi     modify, the balance and price quotes, as RunAPI speaks; runapi_files: its uploads
handlers   what both share: the key, JSON errors, the seam for injected faults
incoming   bodies too large for memory
uploads    files that were uploaded, and what they are
orders     request bodies, parsed and checked
jobs       tasks from submission to their end, and the one thread that renders
fetch      other people's URLs, within limits
film       what is seen, frame by frame: generate, extend, modify
scene      the moving picture that a prompt turns into
lettering  captions and marks
footage    MP4 and image files to frames and back
faults     injected faults, for tests
"""
