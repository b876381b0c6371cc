"""A class on this machine, for a demonstration and for tests: ``make class``.

JupyterHub with its proxy, the class gateway with a PostgreSQL of its own, the demo service in the vendors' place, a
teacher and three students. All of it is in a folder of its own, and ends with it.
"""
