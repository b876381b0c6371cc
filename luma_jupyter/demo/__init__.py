"""The built-in demo service: both vendors' APIs on loopback, answered with real, clearly labelled films.

It exists so that the package works in the first minute, without a key, and so that every part of it can be tried
against something that behaves as the paid services do. The rest of the package uses `server.start`, and nothing else.
As at a vendor, what it answers and what it writes into its films is English for every reader.

server            start and close: threads, a socket, a folder of its own
app               the two APIs and the media files on one tornado application
doors             the way in: bodies of refused requests are dropped
acedata           generate, extend and task look-up, as AceDataCloud speaks
acedata_platform  uploads, prices, the balance and the statement, as AceDataCloud's platform speaks
usage             the calls that the statement lists
runapi            modify, the balance and price quotes, as RunAPI speaks
runapi_files      uploads, as RunAPI speaks
keys              the key of both APIs, and the platform's token
refusals          error answers with words of their own
handlers          what both APIs share: host, origin and key, JSON errors, callbacks, the hook for injected faults
streaming         request bodies too large for memory
bodies            request bodies, parsed and checked
uploads           uploaded files, and which type they are
jobs              tasks from submission to their end, and the threads that render
fetch             files behind URLs outside of this service, within limits
film              generated, extended and modified films, frame by frame
takes             which look a film has, so that each take is another to look at
words             what a prompt says by the words that films are made by (of `domain.prompt_words`)
palette           the colours of a film, and all else that its look is
shot              a scene or given pictures, seen through camera, light, air and style
scene             sky, sun, clouds and ridges, drawn as layers
camera            how the camera moves, and a picture as it is seen from there
light             light and styles
air               fog, and all that drifts, falls or flashes
sound             a quiet sound
overlays          captions, the SIMULATED label and watermarks
faults            injected faults, for tests
"""
