"""The privacy agreement: signing is a person's act and sends nothing but the call."""

import pytest
from pydantic import ValidationError

from sms_tools.operation import Kind
from sms_tools.operations.privacy import (
    GetPrivacyAgreement,
    PrivacyAgreement,
    SignPrivacyAgreement,
)


def test_signing_counts_as_destructive() -> None:
    assert SignPrivacyAgreement().danger is Kind.DESTRUCTIVE
    assert GetPrivacyAgreement().danger is Kind.READ


def test_signing_sends_no_body() -> None:
    assert SignPrivacyAgreement().request().body is None


def test_no_argument_can_pass_for_consent() -> None:
    with pytest.raises(ValidationError):
        SignPrivacyAgreement.model_validate({"confirm": True})


@pytest.mark.parametrize(("reply", "flag"), [({"flag": False}, False), ({}, None), (None, None)])
def test_an_answer_that_says_nothing_is_unknown_and_not_no(
    reply: object, flag: bool | None
) -> None:
    assert PrivacyAgreement.read(reply).flag is flag
