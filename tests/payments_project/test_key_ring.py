"""Key rings in the settings: the first key encrypts, every key decrypts, no id stands twice."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from payments_project.encryption.key_ring import KeyRing

OLD = base64.b64encode(b"o" * 32).decode()
NEW = base64.b64encode(b"n" * 32).decode()


def test_a_rotated_ring_reads_what_the_old_one_wrote() -> None:
    key_id, stored = KeyRing(f"old:{OLD}", setting="PII_KEYS").encrypt(b"plain", bound_to="row")
    rotated = KeyRing(f"new:{NEW},old:{OLD}", setting="PII_KEYS")

    assert rotated.active_id == "new"
    assert rotated.decrypt(key_id, stored, bound_to="row") == b"plain"


@pytest.mark.parametrize("second", [NEW, OLD], ids=["another key", "the same key"])
def test_an_id_that_stands_twice_is_refused_and_no_key_is_shown(second: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PII_KEYS: key id 'one'") as refused:
        KeyRing(f"one:{OLD}, one:{second}", setting="PII_KEYS")

    assert OLD not in str(refused.value)
    assert second not in str(refused.value)
