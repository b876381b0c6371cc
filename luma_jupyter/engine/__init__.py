"""The engine: takes requests, lives the life of each task on one background loop, and tells listeners what happens.

It never draws: the notebook layer alone decides how an event reaches the page.
"""
