"""Keys (reference 5.7): certificates of a task's data channel, and the service's hash function."""

from typing import Annotated

from pydantic import Field

from sms_tools.operation import Kind, Operation, Reply
from sms_tools.operations.common import TaskId


class CertificatesAndKeys(Reply):
    """PEM texts. Whoever holds the private ones can pose as the source or the target server."""

    cert: str | None = None
    """The source's certificate."""
    private_key: Annotated[str | None, Field(repr=False)] = None
    ca: str | None = None
    target_mgmt_cert: str | None = None
    target_mgmt_private_key: Annotated[str | None, Field(repr=False)] = None
    target_data_cert: str | None = None
    target_data_private_key: Annotated[str | None, Field(repr=False)] = None


class Hash(Reply):
    """A hash value."""

    value: Annotated[str | None, Field(repr=False)] = None


class GetCertificateAndPrivateKey(
    Operation[CertificatesAndKeys],
    method="GET",
    path="/v3/tasks/{task_id}/certkey",
    kind=Kind.SECRET,
    section="5.7.1",
):
    """Reveal the TLS certificates and private keys (key pair; 证书私钥) between a task's source and
    target server. Meant for the migration Agent of a block-level task; no troubleshooting needs it.
    Whoever has the keys can pose as either server, and what is revealed cannot be taken back, so a
    person is asked first. get_certificate_passphrase gives the passphrase.
    """

    task_id: TaskId
    # The table of the reference says enable_ca_certificate; its sample and the SDK say this.
    enable_ca_cert: Annotated[
        bool | None, Field(description="Also generate a CA certificate. Default false.")
    ] = None


class CalculateSha256(
    Operation[Hash], method="GET", path="/v3/sha256/{key}", kind=Kind.SECRET, section="5.7.2"
):
    """Agent only: have the server migration service compute the SHA-256 hash of a UUID. The text
    travels in the URL, where gateways log it, so a person is asked first. Never hash a password or
    key with it, and compute other hashes locally; no troubleshooting needs it.
    """

    key: Annotated[
        str, Field(min_length=1, max_length=16_384, repr=False, description="UUID to hash.")
    ]
