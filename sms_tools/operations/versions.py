"""API versions (reference 5.1)."""
