"""Stands before the package of this name, which jsonschema does without: it looks at no international address then.

The package builds 38 grammars when it is imported, in each server of Jupyter's and each nbconvert: two seconds.
"""

raise ImportError("left out of the tests, for it takes two seconds to import")
