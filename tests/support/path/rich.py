"""Stands before the package of this name, of which httpx makes its command line, where it is there.

httpx imports it for that in each process that sends a request, which takes longer than all else of httpx.
"""

raise ImportError("left out of the tests, for nobody sends requests from httpx's command line")
