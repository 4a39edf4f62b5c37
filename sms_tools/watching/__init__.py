"""Reading again and again, and telling what changed: for a night shift that need not look.

- `noticing`: two readings of the fleet in, what is worth a message out. Pure.
- `telling`: a message to a webhook, signed, in the form that the receiver takes.
"""
