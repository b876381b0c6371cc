"""What lives in the page, without a browser."""
