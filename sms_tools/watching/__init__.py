"""Reading again and again, and telling what changed: for a night shift that need not look.

- `watcher`: one look after another at one account's fleet, and a message where something changed.
- `noticing`: two readings of the fleet in, what is worth a message out. Pure.
- `kept`: the last reading and the last messages, so that another process goes on from there.
- `forms`: a message in the form that its receiver takes.
- `telling`: the message to a webhook, signed.
"""
