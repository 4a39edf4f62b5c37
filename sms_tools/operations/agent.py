"""What the Agent is configured with (reference 5.2)."""
