"""The privacy agreement (reference 5.11)."""
