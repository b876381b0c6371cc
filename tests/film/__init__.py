"""Films made from files."""
