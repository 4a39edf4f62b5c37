"""Who calls a team's server: tokens of a file, or of an identity provider, and their roles.

- `entry`: what ``--auth`` asks for, and the verifier that it makes.
- `tokens`: named static bearer tokens in a file.
- `oidc`: access tokens of an OpenID Connect provider.
- `pages`: that provider's login for the approval page.

Nothing here is imported by a server on a person's own machine.
"""
