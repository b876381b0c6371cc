"""How things reach the page."""
