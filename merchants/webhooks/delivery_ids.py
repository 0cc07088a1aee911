"""The id of a delivery: made of its event's and its endpoint's."""

import hashlib
from uuid import UUID

_TIME_SHIFT = 80
_RANDOM_A_BITS, _RANDOM_B_BITS = 12, 62


def delivery_id(*, event_id: UUID, endpoint_id: UUID) -> UUID:
    """A UUIDv7 (RFC 9562) with the event's time, its other 74 bits from a hash of both ids.

    The same for the same two, so that an event has one delivery to an endpoint, whoever makes it;
    and in the event's month.
    """
    digest = hashlib.blake2b(event_id.bytes + endpoint_id.bytes, digest_size=16).digest()
    bits = int.from_bytes(digest)
    time = event_id.int >> _TIME_SHIFT
    random_a = bits & ((1 << _RANDOM_A_BITS) - 1)
    random_b = (bits >> _RANDOM_A_BITS) & ((1 << _RANDOM_B_BITS) - 1)
    return UUID(int=time << _TIME_SHIFT | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b)
