"""The services: a client for each API, which makes payloads of requests and values of replies; the engine uses it.

protocol          what the engine needs of a client
acedata           AceDataCloud: generate and extend
acedata_platform  AceDataCloud's platform, with a token of its own: files, prices, balance, usage
runapi            RunAPI: modify
payloads          what the payloads of both have in common
gateway           submissions to a class gateway, which are repeated until it answers
responses         what the responses of both have in common
exchanges         where it is reported what went over the wire, and said for which clip and why
paging            lists that come page by page
http              the HTTP client
"""
