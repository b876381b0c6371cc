"""Tests of the gateway, with a real PostgreSQL."""
