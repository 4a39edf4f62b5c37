"""Target server templates (reference 5.6)."""
