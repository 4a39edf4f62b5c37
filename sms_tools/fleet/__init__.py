"""What is there: the one model of a source server and its task, and the one judgement of a fact.

- `desk`: what reading needs: the client, the clock, the state, what calls share.
- `reading`: all servers and tasks, joined, in as few requests as can be; `closeup`: one of them.
- `server`: :class:`~sms_tools.fleet.server.Server`; `selection`: which one a person means.
- `samples`: what was seen before.
- `verification` and `gates`: is the copy consistent, may the target be launched.

Previews, questions and plans all stand on this, so the same server cannot be judged twice.
"""
