"""Strangers' bytes for the two parsers that read them: films and sidecars; a little in the tests, more by hand."""
