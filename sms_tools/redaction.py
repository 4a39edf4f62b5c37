"""Taking secrets out of what leaves: results, errors, the audit.

One function. It knows the names under which the service and its users carry secrets, and the
secrets that this installation was configured with; it looks at every depth and keeps the shape.
"""

import re
from collections.abc import Sequence
from typing import Final

from sms_tools.operation import JSON
from sms_tools.text import clean

HIDDEN: Final = "[hidden]"

_NAMES: Final = frozenset(
    {
        "ak",
        "sk",
        "access_key",
        "access_key_id",
        "auth_token",
        "authorization",
        "encoded_authorization_message",  # in the 403 samples
        "encoded_authorized_message",  # in the tables
        "log_share_url",  # whoever has the link reads the logs
    }
)
_PARTS: Final = (
    "admin_pass",  # how an elastic cloud server's first password is called
    "credential",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "pkey",
    "secret",
    "token",
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
# Nothing repeats before the name, and what stands in quotation marks is bounded: a stranger's text
# of any length must be read in time that grows with its length and no faster.
_NAMED_IN_TEXT: Final = re.compile(
    r"(?i)(?P<name>passphrase|passwd|password|admin_?pass|private_key|pkey|"
    r"secret(?:_?access)?_?key|access_key(?:_id)?|secret|token|log_share_url|"
    r"encoded_authori[sz](?:ation|ed)_message|(?<![\w-])[as]k)"
    r"(?P<between>\\?[\"']?\s*[:=]\s*)"
    r"(?:(?P<quote>\\?[\"'])[^\n]{1,400}?(?P=quote)|(?P<open>\\?[\"']?)[^\s\"'\\,;&}\])]+)"
)
_BEARER: Final = re.compile(
    r"(?i)(?P<before>authorization\\?[\"']?\s*[:=]\s*\\?[\"']?)"
    r"(?:bearer|basic|sdk-hmac-sha256)\s+[^\n\"'\\]+"
)
_SHORTEST: Final = 4
"""A configured value that is shorter hides nothing and would garble ordinary words."""


def is_secret_name(name: str) -> bool:
    """Whether a field called *name* carries a secret."""
    plain = _CAMEL.sub("_", name).lower().replace("-", "_")
    return plain in _NAMES or any(part in plain for part in _PARTS)


def redact(value: JSON, extra_secrets: Sequence[str] = ()) -> JSON:
    """A copy of *value* (JSON) with secrets replaced by ``[hidden]`` and its texts cleaned.

    A secret is what stands under a secret's name, a private key in PEM, ``password=…`` inside a
    text, and each of *extra_secrets* wherever it occurs. Null, empty and true/false stay.
    """
    known = sorted({s for s in extra_secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
    return _redact(value, known)


def _redact(value: JSON, known: Sequence[str]) -> JSON:
    if isinstance(value, dict):
        return {
            _text(key, known) if isinstance(key, str) else key: (
                _hidden(each)
                if isinstance(key, str) and is_secret_name(clean(key))
                else _redact(each, known)
            )
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_redact(each, known) for each in value]
    return _text(value, known) if isinstance(value, str) else value


def _hidden(value: JSON) -> JSON:
    """Whatever stands under a secret's name, hidden leaf by leaf."""
    if isinstance(value, dict):
        return {key: _hidden(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(each) for each in value]
    return value if value is None or value == "" or isinstance(value, bool) else HIDDEN


def _text(text: str, known: Sequence[str]) -> str:
    cleaned = clean(text)
    for secret in known:
        cleaned = cleaned.replace(secret, HIDDEN)
    if "PRIVATE KEY" in cleaned:
        cleaned = _PRIVATE_KEY.sub(HIDDEN, cleaned)
    cleaned = _BEARER.sub(rf"\g<before>{HIDDEN}", cleaned)
    return _NAMED_IN_TEXT.sub(_named_hidden, cleaned)


def _named_hidden(found: re.Match[str]) -> str:
    quote = found["quote"] or ""
    return f"{found['name']}{found['between']}{quote or found['open']}{HIDDEN}{quote}"
