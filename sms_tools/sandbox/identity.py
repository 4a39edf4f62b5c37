"""What makes two sandboxes the same account: scenario, number of servers and seed."""

USUAL_SIZE = {
    "healthy": 12,
    "mixed": 40,
    "cutover-night": 12,
    "large": 1_000,
    "new-fleet": 40,
    "whole-wave": 11,
    "uneven": 15,
}
"""By scenario: how many servers it has where nobody says."""


def identity_of(scenario: str, servers: int | None = None, seed: int = 1) -> str:
    """``mixed, seed 1``, or ``mixed, 60 servers, seed 1`` where the number is not the usual one.

    Whoever opens the same again, in this process or the next, has the same servers and ids.
    """
    usual = servers is None or servers == USUAL_SIZE.get(scenario)
    return f"{scenario}{'' if usual else f', {servers} servers'}, seed {seed}"
