"""Network measurement (reference 5.9)."""
