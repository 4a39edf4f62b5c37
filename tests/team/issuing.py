"""An identity provider in this process, for tokens that a real one would never issue."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://id.example.com"
AUDIENCE = "sms-tools"
CLIENT = "sms-tools-page"


class Issuer:
    """Keys, documents and tokens. It counts how often its keys are read."""

    def __init__(self) -> None:
        self.keys = {"first": rsa.generate_private_key(65537, 2048)}
        self.reads = 0
        self.down = False
        self.address = ISSUER
        self.says: dict[str, Any] = {}
        """What its description says otherwise; None leaves it out."""
        self.answers: dict[str, httpx.Response] = {}
        """What it answers at a path instead."""
        self.grants: dict[str, dict[str, Any]] = {}
        """What an authorization code is good for, and with which challenge."""

    def rotate(self, name: str) -> None:
        """Sign with another key from now on; the old one is gone."""
        self.keys = {name: rsa.generate_private_key(65537, 2048)}

    def claims(self, **more: Any) -> dict[str, Any]:
        """What a good access token says, with *more*; None leaves a claim out."""
        now = int(time.time())
        whole = {
            "iss": self.address,
            "aud": AUDIENCE,
            "sub": "olga",
            "exp": now + 600,
            "iat": now,
            "roles": ["viewer", "operator"],
            **more,
        }
        return {key: value for key, value in whole.items() if value is not None}

    def token(
        self,
        *,
        kid: str | None = None,
        typ: str = "at+jwt",
        algorithm: str = "RS256",
        **more: Any,
    ) -> str:
        """An access token."""
        name = kid or next(iter(self.keys))
        key = self.keys.get(name) or next(iter(self.keys.values()))
        headers = {"kid": name, "typ": typ}
        return jwt.encode(self.claims(**more), key, algorithm=algorithm, headers=headers)

    def public_pem(self) -> bytes:
        """The key that everybody knows, as a shared secret of a forger."""
        from cryptography.hazmat.primitives import serialization

        public = next(iter(self.keys.values())).public_key()
        return public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def transport(self) -> httpx.MockTransport:
        """The way to the provider."""
        return httpx.MockTransport(self.answer)

    def description(self) -> dict[str, Any]:
        """What it says of itself."""
        whole = {
            "issuer": self.address,
            "jwks_uri": f"{self.address}/keys",
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            **self.says,
        }
        return {key: value for key, value in whole.items() if value is not None}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What it answers."""
        if self.down:
            raise httpx.ConnectError("down")
        path = request.url.path
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return httpx.Response(200, json=self.description())
        if path == "/keys":
            self.reads += 1
            return httpx.Response(200, json={"keys": [self.jwk(name) for name in self.keys]})
        if path == "/token":
            return self._exchanged(parse_qs(request.content.decode()))
        return httpx.Response(404)

    def jwk(self, name: str) -> dict[str, Any]:
        """The public half of a key."""
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.keys[name].public_key()))
        return {**jwk, "kid": name, "use": "sig", "alg": "RS256"}

    def _exchanged(self, form: Mapping[str, list[str]]) -> httpx.Response:
        grant = self.grants.pop(form["code"][0], None)
        verifier = form["code_verifier"][0]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        if grant is None or challenge.rstrip(b"=").decode() != grant.pop("challenge"):
            return httpx.Response(400, json={"error": "invalid_grant"})
        token = self.token(typ="JWT", **{"aud": CLIENT, **grant})
        return httpx.Response(200, json={"id_token": token, "token_type": "Bearer"})

    def consent(self, address: str, **claims: Any) -> str:
        """What the provider answers a browser at *address* with: where it is sent back to."""
        query = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self.grants)}"
        self.grants[code] = {
            "nonce": query["nonce"],
            "challenge": query["code_challenge"],
            **claims,
        }
        return f"{query['redirect_uri']}?code={code}&state={query['state']}"
