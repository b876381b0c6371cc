"""The wire: one HTTP client, and one module per API that turns requests into payloads and answers into models."""
