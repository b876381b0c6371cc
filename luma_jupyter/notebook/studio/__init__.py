"""The forms: what the magics do, for people who would rather fill in fields than type lines."""
