"""Source servers (reference 5.3)."""
