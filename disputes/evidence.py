"""The evidence that card networks ask for: its fields, their bounds, and which reason needs which.

One catalogue for the API, the console and the gateways. A field holds a text or the id of a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from payments_project.errors import InvalidInput

TEXT = "text"
LONG_TEXT = "long_text"
DAY = "day"
EMAIL = "email"
IP = "ip"
FILE = "file"

_LINE_LENGTH_MAX = 500
_TEXT_LENGTH_MAX = 20_000
# Of all texts of a dispute together: what gateways take in one submission, with room to spare.
TOTAL_CHARACTERS_MAX = 100_000
# Of all its files together; one has at most ``EVIDENCE_FILE_BYTES_MAX``.
TOTAL_FILE_BYTES_MAX = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EvidenceField:
    """One field; ``asks`` says to people what belongs there."""

    name: str
    kind: str
    asks: str

    @property
    def length_max(self) -> int:
        """The most characters that a text of the field may have."""
        return _TEXT_LENGTH_MAX if self.kind == LONG_TEXT else _LINE_LENGTH_MAX

    @property
    def label(self) -> str:
        """``Customer purchase IP``."""
        words = self.name.replace("_", " ").replace(" ip", " IP").replace(" id", " ID")
        return words[:1].upper() + words[1:]


FIELDS = tuple(
    EvidenceField(*row)
    for row in (
        ("product_description", LONG_TEXT, "What was sold, and how it was described."),
        ("customer_name", TEXT, "The customer's name."),
        ("customer_email_address", EMAIL, "The customer's e-mail address."),
        ("customer_purchase_ip", IP, "The address that the purchase came from."),
        ("customer_communication", FILE, "What was written with the customer about it."),
        ("customer_signature", FILE, "A document with the customer's signature."),
        ("billing_address", TEXT, "The billing address that the customer gave."),
        ("receipt", FILE, "The receipt or confirmation that the customer was sent."),
        ("shipping_address", TEXT, "Where it was shipped to; best with the cardholder's name."),
        ("shipping_carrier", TEXT, "Who carried it; several are separated by commas."),
        ("shipping_date", DAY, "The day on which it was handed to the carrier."),
        ("shipping_tracking_number", TEXT, "The carrier's number; several by commas."),
        ("shipping_documentation", FILE, "Proof of shipment or delivery, with the address."),
        ("service_date", DAY, "The day on which the service was given."),
        ("service_documentation", FILE, "Proof that the service was given."),
        ("access_activity_log", LONG_TEXT, "When and from where the customer used it."),
        ("refund_policy", FILE, "The refund policy, as it was shown to the customer."),
        ("refund_policy_disclosure", LONG_TEXT, "How and when the customer was shown it."),
        ("refund_refusal_explanation", LONG_TEXT, "Why the customer is due no refund."),
        ("cancellation_policy", FILE, "The cancellation policy, as the customer saw it."),
        ("cancellation_policy_disclosure", LONG_TEXT, "How and when the customer was shown it."),
        ("cancellation_rebuttal", LONG_TEXT, "Why the subscription was not cancelled in time."),
        ("duplicate_charge_id", TEXT, "The other payment, which is said to be the same."),
        ("duplicate_charge_explanation", LONG_TEXT, "How the two payments differ."),
        ("duplicate_charge_documentation", FILE, "Proof of both, such as two receipts."),
        ("uncategorized_text", LONG_TEXT, "Anything else that speaks for the merchant."),
        ("uncategorized_file", FILE, "Any other document."),
    )
)
BY_NAME: Mapping[str, EvidenceField] = {field.name: field for field in FIELDS}
FILE_FIELDS = tuple(field.name for field in FIELDS if field.kind == FILE)
TEXT_FIELDS = tuple(field.name for field in FIELDS if field.kind != FILE)

GENERAL = "general"
_SHIPPED = (
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "shipping_documentation",
    "shipping_address",
)
# What decides a dispute of that reason, in the order in which it weighs.
_RECOMMENDED: Mapping[str, tuple[str, ...]] = {
    "fraudulent": (
        "customer_name",
        "customer_email_address",
        "customer_purchase_ip",
        "billing_address",
        "customer_signature",
        "customer_communication",
        "access_activity_log",
        *_SHIPPED,
    ),
    "product_not_received": (*_SHIPPED, "service_date", "service_documentation", "receipt"),
    "duplicate": (
        "duplicate_charge_id",
        "duplicate_charge_explanation",
        "duplicate_charge_documentation",
        "receipt",
    ),
    "credit_not_processed": (
        "refund_policy",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "customer_communication",
    ),
    "subscription_canceled": (
        "cancellation_policy",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "access_activity_log",
        "customer_communication",
    ),
    "product_unacceptable": (
        "product_description",
        "customer_communication",
        "refund_policy",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        *_SHIPPED,
    ),
    GENERAL: ("product_description", "receipt", "customer_communication", "uncategorized_text"),
}
REASONS = tuple(_RECOMMENDED)


def recommended_fields(reason_code: str | None) -> tuple[str, ...]:
    """What a dispute of that reason should show; for a reason that we don't know, the general."""
    return _RECOMMENDED.get(reason_code or GENERAL, _RECOMMENDED[GENERAL])


def merged(evidence: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """``evidence`` with the changes laid over it; None takes a field away.

    Raises ``InvalidInput`` where all texts together would be too long.
    """
    after = {**evidence, **changes}
    kept = {name: value for name, value in after.items() if value is not None}
    characters = sum(len(kept.get(name, "")) for name in TEXT_FIELDS)
    if characters > TOTAL_CHARACTERS_MAX:
        raise InvalidInput(
            f"The texts have {characters} characters together; the most is {TOTAL_CHARACTERS_MAX}.",
            param="evidence",
        )
    return kept
