"""Envelope encryption, key ring, fingerprints and tokens. None of these tests needs a database."""

import base64
import pickle
import traceback
from datetime import date
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ImproperlyConfigured
from pydantic import SecretStr

from payments_project.encryption.key_ring import parse_key_ring
from payments_project.errors import Unavailable
from vault.cards import parse_card
from vault.crypto.envelope import (
    Sealed,
    rewrap_card,
    row_binding,
    scope_binding,
    seal_card,
    unseal_card,
)
from vault.crypto.fingerprint import Fingerprinter
from vault.crypto.keys import LocalKeyRing, key_provider
from vault.crypto.tokens import TOKEN_PATTERN, is_token, new_token
from vault.errors import CardUnreadable, EncryptionKeyUnknown

NUMBER = "4242424242424242"
OLD_KEY = bytes(range(32))
NEW_KEY = bytes(range(32, 64))
MERCHANT = UUID("01930000-0000-7000-8000-000000000001")
OTHER_MERCHANT = UUID("01930000-0000-7000-8000-000000000002")
ROW = {"token": "pm_" + "A" * 28, "merchant_id": MERCHANT, "environment": "test"}
OLD_RING = LocalKeyRing({"2025": OLD_KEY})
ROTATED_RING = LocalKeyRing({"2026": NEW_KEY, "2025": OLD_KEY})
NEW_RING = LocalKeyRing({"2026": NEW_KEY})


def card(number: str = NUMBER, name: str | None = "Ada Lovelace"):
    return parse_card(
        number=SecretStr(number),
        exp_month=12,
        exp_year=2030,
        holder_name=name,
        today=date(2026, 11, 1),
    )


def binding(**changes) -> bytes:
    row = {**ROW, **changes}
    token = row.pop("token")
    return row_binding(scope=scope_binding(**row), token=token)


def sealed_card(ring=OLD_RING, **changes) -> Sealed:
    return seal_card(provider=ring, card=card(), binding=binding(**changes))


def opened(sealed: Sealed, ring=OLD_RING, **changes):
    return unseal_card(provider=ring, sealed=sealed, brand="visa", binding=binding(**changes))


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


def test_a_card_comes_back_as_it_went_in():
    found = opened(sealed_card())
    assert found.reveal_number() == NUMBER
    assert (found.exp_month, found.exp_year, found.holder_name) == (12, 2030, "Ada Lovelace")
    assert found.brand == "visa"


def test_the_layout_is_the_documented_one():
    # Given an envelope, read it by the offsets of the docstring with bare AES-GCM.
    envelope = sealed_card().encrypted_data
    assert envelope[0] == 1
    length = int.from_bytes(envelope[1:3], "big")
    assert length == 60
    bound = b"\x01" + MERCHANT.bytes + b"\x04test" + b"\x1f" + ROW["token"].encode()
    wrapped, nonce, body = envelope[3:63], envelope[63:75], envelope[75:]
    data_key = AESGCM(OLD_KEY).decrypt(
        wrapped[:12], wrapped[12:], b"payments.vault/data-key\x00\x042025" + bound
    )
    record = AESGCM(data_key).decrypt(nonce, body, b"payments.vault/card\x00" + bound)
    expected = b"\x01" + (2030).to_bytes(2, "big") + b"\x0c\x10\x00\x0c4242424242424242Ada Lovelace"
    assert record == expected + bytes(64 - len(expected))


def test_nothing_readable_is_in_the_envelope():
    envelope = sealed_card().encrypted_data
    assert NUMBER.encode() not in envelope
    assert b"Ada" not in envelope


def test_every_row_has_a_key_and_nonces_of_its_own():
    envelopes = {sealed_card().encrypted_data for _ in range(100)}
    assert len({envelope[3:15] for envelope in envelopes}) == 100
    assert len({envelope[15:63] for envelope in envelopes}) == 100
    assert len({envelope[63:75] for envelope in envelopes}) == 100


@pytest.mark.parametrize("name", [None, "A", "Ada Lovelace", "x" * 41])
def test_the_length_of_a_short_name_does_not_show(name):
    sealed = seal_card(provider=OLD_RING, card=card(name=name), binding=binding())
    assert len(sealed.encrypted_data) in (123, 155)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "pm_" + "B" * 28},
        {"token": "pm_" + "A" * 29},
        {"merchant_id": OTHER_MERCHANT},
        {"environment": "live"},
    ],
)
def test_an_envelope_does_not_open_in_another_row(changes):
    with pytest.raises(CardUnreadable):
        opened(sealed_card(), **changes)


def test_an_envelope_does_not_open_under_another_key_id_even_with_the_same_key():
    ring = LocalKeyRing({"2025": OLD_KEY, "copy": OLD_KEY})
    sealed = sealed_card()._replace(encryption_key_id="copy")
    with pytest.raises(CardUnreadable):
        opened(sealed, ring)


def test_a_card_data_part_of_another_row_does_not_open():
    mine, other = sealed_card(), sealed_card(token="pm_" + "B" * 28)
    spliced = mine._replace(encrypted_data=mine.encrypted_data[:63] + other.encrypted_data[63:])
    with pytest.raises(CardUnreadable):
        opened(spliced)


def test_every_altered_byte_is_noticed():
    sealed = sealed_card()
    for place in range(len(sealed.encrypted_data)):
        altered = bytearray(sealed.encrypted_data)
        altered[place] ^= 0x01
        with pytest.raises(CardUnreadable):
            opened(sealed._replace(encrypted_data=bytes(altered)))


def test_every_cut_is_noticed():
    sealed = sealed_card()
    for length in range(len(sealed.encrypted_data)):
        with pytest.raises(CardUnreadable):
            opened(sealed._replace(encrypted_data=sealed.encrypted_data[:length]))


def test_a_retired_key_is_refused_by_name():
    with pytest.raises(EncryptionKeyUnknown, match="'2025' is not in the vault's key ring"):
        opened(sealed_card(), NEW_RING)


def test_the_first_key_encrypts_and_the_others_decrypt():
    assert sealed_card(ROTATED_RING).encryption_key_id == "2026"
    assert opened(sealed_card(OLD_RING), ROTATED_RING).reveal_number() == NUMBER


def test_rewrapping_moves_a_row_to_the_active_key_and_leaves_the_card_data_alone():
    old = sealed_card(OLD_RING)
    new = rewrap_card(provider=ROTATED_RING, sealed=old, binding=binding())
    assert new.encryption_key_id == "2026"
    assert new.encrypted_data[63:] == old.encrypted_data[63:]
    assert opened(new, NEW_RING).reveal_number() == NUMBER


def test_rewrapping_into_another_row_is_refused():
    with pytest.raises(CardUnreadable):
        rewrap_card(
            provider=ROTATED_RING, sealed=sealed_card(), binding=binding(merchant_id=OTHER_MERCHANT)
        )


def test_a_failing_key_service_has_no_card_in_its_traceback():
    class AwayProvider(LocalKeyRing):
        def new_data_key(self, *, binding):
            raise Unavailable("the key service does not answer")

    given = card()
    with pytest.raises(Unavailable) as caught:
        seal_card(provider=AwayProvider({"a": OLD_KEY}), card=given, binding=binding())
    for frame, _ in traceback.walk_tb(caught.value.__traceback__):
        if "/tests/" not in frame.f_code.co_filename:
            assert NUMBER not in repr(frame.f_locals)


def test_an_unreadable_card_has_no_key_in_its_traceback():
    with pytest.raises(CardUnreadable) as caught:
        opened(sealed_card(), environment="live")
    for frame, _ in traceback.walk_tb(caught.value.__traceback__):
        if "/tests/" not in frame.f_code.co_filename:
            assert repr(OLD_KEY) not in repr(frame.f_locals)
    assert caught.value.__cause__ is None


def test_the_key_ring_shows_and_pickles_no_key():
    assert repr(ROTATED_RING) == "<LocalKeyRing active='2026' of 2>"
    with pytest.raises(TypeError):
        pickle.dumps(ROTATED_RING)
    data_key = ROTATED_RING.new_data_key(binding=b"row")
    assert repr(data_key) == "<DataKey wrapped by '2026'>"
    with pytest.raises(TypeError):
        pickle.dumps(data_key)


def test_the_setting_is_read_in_its_order():
    text = f"2026:{encoded(NEW_KEY)}, 2025:{encoded(OLD_KEY)}"
    assert list(parse_key_ring(text, setting="VAULT_KEYS").items()) == [
        ("2026", NEW_KEY),
        ("2025", OLD_KEY),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "entry 1"),
        (encoded(OLD_KEY), "entry 1"),
        (f"a:{encoded(OLD_KEY)},", "entry 2"),
        (f"a b:{encoded(OLD_KEY)}", "entry 1"),
        (f"{'x' * 101}:{encoded(OLD_KEY)}", "entry 1"),
        (f"a:{encoded(OLD_KEY[:16])}", "key 'a' is not 32 bytes"),
        ("a:not-base64!", "key 'a' is not 32 bytes"),
        (f"a:{encoded(OLD_KEY)},a:{encoded(NEW_KEY)}", "'a' stands there twice"),
        (f"a:{encoded(OLD_KEY)},b:{encoded(OLD_KEY)}", "share one key"),
    ],
)
def test_a_wrong_key_ring_setting_is_refused_without_telling_keys(text, told):
    with pytest.raises(ImproperlyConfigured) as caught:
        parse_key_ring(text, setting="VAULT_KEYS")
    assert told in str(caught.value)
    for key in (OLD_KEY, NEW_KEY, OLD_KEY[:16]):
        assert encoded(key) not in str(caught.value)


def test_a_changed_setting_makes_a_changed_key_ring(settings):
    settings.VAULT_KEYS = f"a:{encoded(OLD_KEY)}"
    assert key_provider().active_key_id == "a"
    settings.VAULT_KEYS = f"b:{encoded(NEW_KEY)},a:{encoded(OLD_KEY)}"
    assert key_provider().active_key_id == "b"


def fingerprint(number=NUMBER, merchant_id=MERCHANT, environment="test", **details) -> str:
    return Fingerprinter(merchant_id=merchant_id, environment=environment).of(
        card(number, **details)
    )


def test_a_fingerprint_knows_the_number_within_merchant_and_environment():
    first = fingerprint()
    assert first == fingerprint(name="Somebody Else")
    assert len(first) == 64
    different = {
        first,
        fingerprint("5555555555554444"),
        fingerprint(merchant_id=OTHER_MERCHANT),
        fingerprint(environment="live"),
    }
    assert len(different) == 4


def test_a_fingerprint_depends_on_its_key(settings):
    settings.CARD_FINGERPRINT_KEY = "a" * 64
    first = fingerprint()
    settings.CARD_FINGERPRINT_KEY = "b" * 64
    assert fingerprint() != first


def test_a_short_fingerprint_key_is_refused(settings):
    settings.CARD_FINGERPRINT_KEY = "too short"
    with pytest.raises(ImproperlyConfigured, match="CARD_FINGERPRINT_KEY"):
        fingerprint()


def test_tokens_are_random_and_of_their_form():
    tokens = {new_token() for _ in range(2_000)}
    assert len(tokens) == 2_000
    assert all(TOKEN_PATTERN.fullmatch(token) and len(token) == 35 for token in tokens)
    letters = "".join(token[3:] for token in tokens)
    expected = len(letters) / 16
    assert all(0.9 < letters.count(one) / expected < 1.1 for one in "0123456789abcdef")


@pytest.mark.parametrize(
    "text", ["", "pm_", NUMBER, "pm_" + "a" * 23, "pm_" + "a" * 24 + "\n", "pm_" + "é" * 24]
)
def test_what_has_no_tokens_form_is_none(text):
    assert not is_token(text)
