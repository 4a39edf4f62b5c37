"""Commands between the service and the Agent (reference 5.5)."""
