"""The privacy agreement (reference 5.11) between the account and the service."""

from sms_tools.operation import Empty, Kind, Operation, Reply


class PrivacyAgreement(Reply):
    """Whether the account has signed."""

    flag: bool | None = None


class SignPrivacyAgreement(
    Operation[Empty],
    method="POST",
    path="/v3/privacy-agreements",
    kind=Kind.DESTRUCTIVE,
    section="5.11.1",
    idempotent=True,
):
    """Sign (accept) the server migration privacy agreement (terms) in the name of the whole account
    (签署隐私协议). Legally binding consent: only a person with the authority to give it may decide,
    and it cannot be withdrawn here. get_privacy_agreement shows whether it is still needed.
    """


class GetPrivacyAgreement(
    Operation[PrivacyAgreement],
    method="GET",
    path="/v3/privacy-agreements",
    kind=Kind.READ,
    section="5.11.2",
):
    """Has the account signed (accepted) the privacy agreement (terms) of server migration
    (隐私协议签了没有; flag)? Where it has not, a person decides about it, on the console or through
    sign_privacy_agreement.
    """
