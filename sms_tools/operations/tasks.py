"""Migration tasks (reference 5.4)."""
