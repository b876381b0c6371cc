"""The built-in demo service: both vendors' APIs on loopback, answered with real, clearly labelled films.

It exists so that the package works in the first minute, without a key, and so that every part of it can be tried
against something that behaves as the paid services do. The rest of the package uses `server.start`, and nothing else.

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
jobs              tasks from submission to their end, and the one thread that renders
fetch             files behind URLs outside of this service, within limits
film              generated, extended and modified films, frame by frame
scene             the moving picture that a prompt turns into
overlays          captions, the SIMULATED label and watermarks
faults            injected faults, for tests
"""
