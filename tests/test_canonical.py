"""Digests of texts: any text has one, and files that hold them stay good."""

import hashlib
import os

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sms_tools.canonical import text_digest

ANYTHING = st.text(st.characters(codec=None) | st.characters(categories=["Cs"]))


@hypothesis_settings(deadline=None)
@given(text=st.text(st.characters(codec="utf-8")))
def test_the_digest_of_a_proper_text_is_that_of_its_bytes(text: str) -> None:
    assert text_digest(text) == hashlib.sha256(text.encode()).hexdigest()


@hypothesis_settings(deadline=None)
@given(one=ANYTHING, other=ANYTHING)
def test_odd_texts_have_a_digest_each_of_its_own(one: str, other: str) -> None:
    assert (text_digest(one) == text_digest(other)) == (one == other)


def test_neither_half_a_pair_nor_bytes_of_an_environment_raise() -> None:
    odd = ["\ud800", "\udfff", os.fsdecode(b"\xff\xfe"), "\ud83d\ude00", "\U0001f600"]
    assert len({text_digest(text) for text in odd}) == len(odd)
