"""The Python functions, joined to the kernel's one session.

kernel     the kernel: its settings, its session, its presenter
assembly   how a session is put together
create     generate, extend, modify, batch
film       film
handed_in  handin, collect
views      clips, gallery, compare, Studio
"""
