"""Films made from shots, on this machine: joined, cut, faded, with titles, sound and captions. PyAV, numpy, Pillow.

spec       what a film is made of, and what making it comes to
"""
