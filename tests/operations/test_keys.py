"""Keys: what goes into a URL, and that no key shows where values are printed."""

import pytest
from pydantic import ValidationError

from sms_tools.operation import Kind
from sms_tools.operations.keys import (
    CalculateSha256,
    CertificatesAndKeys,
    GetCertificateAndPrivateKey,
    Hash,
)

UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false")])
def test_a_boolean_travels_in_lower_case_under_the_name_of_the_wire(value: bool, text: str) -> None:
    request = GetCertificateAndPrivateKey(task_id="t-1", enable_ca_cert=value).request()

    assert request.query == [("enable_ca_cert", text)]


def test_the_name_that_the_table_prints_is_refused() -> None:
    with pytest.raises(ValidationError, match="enable_ca_certificate"):
        GetCertificateAndPrivateKey.model_validate({"task_id": "t", "enable_ca_certificate": True})


def test_without_an_argument_no_query_is_sent() -> None:
    assert list(GetCertificateAndPrivateKey(task_id="t-1").request().query) == []


def test_both_calls_are_secret() -> None:
    assert GetCertificateAndPrivateKey(task_id="t-1").danger is Kind.SECRET
    assert CalculateSha256(key=UUID).danger is Kind.SECRET


def test_keys_and_hashes_do_not_show_in_the_text_of_a_value() -> None:
    keys = CertificatesAndKeys.read(
        {
            "cert": "a certificate",
            "private_key": "hush-1",
            "target_mgmt_private_key": "hush-2",
            "target_data_private_key": "hush-3",
        }
    )

    assert "a certificate" in repr(keys)
    assert "hush" not in repr(keys) + repr(Hash.read({"value": "hush"}))
    assert UUID not in repr(CalculateSha256(key=UUID))


@pytest.mark.parametrize("key", ["", "..", "x" * 16_385])
def test_a_key_that_cannot_stand_in_a_path_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        CalculateSha256(key=key)
