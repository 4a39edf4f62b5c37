"""Certificates and keys (reference 5.7)."""
