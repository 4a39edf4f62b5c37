"""Advanced migration options (reference 5.10)."""
