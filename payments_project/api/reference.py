"""What the OpenAPI document and ``/docs`` say that no model says: texts, headers, examples."""

from dataclasses import dataclass
from typing import Any

TAGS = {
    "API keys": "Keys of the merchant: made, rotated, revoked. A key is shown once.",
    "Balance": "The merchant's money, and the ledger entries that make it up.",
    "Events": "Everything that happened, as webhooks tell it.",
    "Customers": "Who pays. Deleting one erases personal data and keeps the totals.",
    "Disputes": "Cardholders' complaints: answered with evidence, or accepted.",
    "Files": "Documents that evidence names: PDF, PNG and JPEG.",
    "Gateways": "Where gateways send their messages; not for merchants.",
    "Payment methods": "Cards as tokens. The number is never returned.",
    "Payouts": "Available money sent to the merchant's bank account.",
    "Probes": "For operators: whether it lives, whether it is ready, its numbers. No key is needed.",
    "Reports": "Sums by day and month, as JSON or as CSV files; days and months are UTC's.",
    "Refunds": "Money back, in one part or several.",
    "Search": "Finding transactions by words and filters, with counts.",
    "Webhook deliveries": "What became of an event that was sent, attempt by attempt.",
    "Webhook endpoints": "Where events are sent to, signed, and again until they are taken.",
    "Transactions": "Payments: taken, authorized, captured, cancelled, recorded.",
}

PATH_PARAMETERS = {
    "token": "The payment method's token, `pm_…`.",
    "name": "The gateway's name.",
}
QUERY_PARAMETERS = {
    "limit": "Objects per page.",
    "starting_after": "The page after (older than) the object with this id.",
    "ending_before": "The page before (newer than) the object with this id.",
    "expand[]": "Puts the object in place of its id; may be repeated.",
    "amount": "Exactly this amount, in the smallest unit.",
}
# Of a number, of a time.
RANGE_ENDS = {
    "gte": ("at least", "at or after"),
    "gt": ("more than", "after"),
    "lte": ("at most", "at or before"),
    "lt": ("less than", "before"),
}

IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": (
        "Makes a retry safe: the first status and body are stored and replayed. Scoped to merchant"
        " and environment, kept at least 24 hours. A key that holds a card number is refused."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "example": "order-1042-attempt-1",
}

SECURITY_SCHEMES: dict[str, Any] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The API key: `Authorization: Bearer sk_test_…`.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "The API key as user name, with an empty password: `curl -u sk_test_…:`.",
    },
}


def _header(description: str, kind: str = "integer", **more: Any) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind, **more}}


HEADERS: dict[str, Any] = {
    "Request-Id": _header("The request's id; name it when you ask us.", "string"),
    "RateLimit-Limit": _header("Calls that the key may make at this endpoint in an hour."),
    "RateLimit-Remaining": _header("Calls left in the hour."),
    "RateLimit-Reset": _header("Seconds until a call is back."),
    "Retry-After": _header("Seconds to wait before trying again."),
    "Idempotent-Replayed": _header(
        "`true` if the reply was stored under the key before.", "string", enum=["true"]
    ),
    "WWW-Authenticate": _header("How to authenticate.", "string"),
}
ERROR_HEADERS: dict[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    402: ("Idempotent-Replayed",),
    409: ("Retry-After", "Idempotent-Replayed"),
    429: ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    503: ("Retry-After", "Idempotent-Replayed"),
}
ERROR_STATUSES = {
    400: "The request is at fault; `errors` lists every field that is, if several are.",
    401: "No valid API key.",
    402: "The card was declined or blocked; the failed transaction is included whole.",
    403: "The key may not do this; the message names the missing permission.",
    404: "There is no such object for this merchant and environment.",
    409: "The object's state, or an amount that is left, does not allow it; or the key is in use.",
    413: "The body is larger than 256 KiB; a file, larger than 5 MiB.",
    415: "The body is not `application/json`; of an upload, not `multipart/form-data`.",
    429: "Too many requests.",
    500: "A fault of ours.",
    503: "No gateway could be reached, or the service is busy; nothing was charged.",
}

ERROR_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Every error, in one shape. Fields that do not apply are left out.",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "type": {
                    "type": "string",
                    "enum": [
                        "invalid_request_error",
                        "idempotency_error",
                        "card_error",
                        "rate_limit_error",
                        "api_error",
                    ],
                },
                "code": {
                    "type": "string",
                    "description": "Stable, for programs; each is explained at `doc_url`.",
                },
                "message": {"type": "string", "description": "For people; may change."},
                "param": {"type": "string", "description": "The field at fault: `card.number`."},
                "errors": {
                    "type": "array",
                    "description": "Every field at fault, if several are.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "param": {"type": "string"},
                            "code": {"type": "string"},
                            "message": {"type": "string"},
                        },
                        "required": ["param", "code", "message"],
                        "additionalProperties": False,
                    },
                },
                "decline_code": {"type": "string"},
                "transaction": {"$ref": "#/components/schemas/Transaction"},
                "request_id": {"type": "string"},
                "doc_url": {"type": "string", "format": "uri"},
            },
            "required": ["type", "code", "message", "request_id", "doc_url"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}

TRANSACTION_ID = "01991d5c-6f0a-7c3e-9d5b-2f6a1c0e8b47"
_TRANSACTION: dict[str, Any] = {
    "id": TRANSACTION_ID,
    "object": "transaction",
    "environment": "test",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "amount": 4200,
    "captured_amount": 4200,
    "refunded_amount": 0,
    "fee_amount": 152,
    "net_amount": 4048,
    "currency": "EUR",
    "status": "succeeded",
    "failure": None,
    "customer": None,
    "payment_method": "pm_4c1f8a27d09b43e6b5a7f2c3d8e9016b",
    "payment_method_type": "card",
    "card": {"brand": "visa", "last_four": "4242"},
    "gateway": {"name": "simulator", "transaction_id": "sim_5d1f0c"},
    "risk": {"score": 0.05, "level": "low"},
    "compliance_status": "approved",
    "description": "Order 1042",
    "metadata": {"order": "1042"},
    "updated_at": "2026-01-31T12:00:00.000000Z",
}
_DECLINED = _TRANSACTION | {
    "captured_amount": None,
    "fee_amount": 0,
    "net_amount": 4200,
    "status": "failed",
    "failure": {
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "The card has insufficient funds.",
    },
    "card": {"brand": "visa", "last_four": "9995"},
}
ENDPOINT_ID = "019b2f5e-7a10-7c54-b0c1-5e9d2f7a4c33"
_ENDPOINT: dict[str, Any] = {
    "id": ENDPOINT_ID,
    "object": "webhook_endpoint",
    "environment": "test",
    "created_at": "2026-01-31T11:58:00.000000Z",
    "url": "https://shop.example/webhooks",
    "enabled_events": ["refund.*", "transaction.succeeded"],
    "status": "enabled",
    "disabled_reason": None,
    "description": "Shop",
}
_DELIVERY: dict[str, Any] = {
    "id": "019b2f60-51f0-7a3b-9c55-1d2e3f405162",
    "object": "webhook_delivery",
    "environment": "test",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "endpoint": ENDPOINT_ID,
    "event": "019b2f60-51f0-7d0e-8a44-3f5b0c6f2a11",
    "event_type": "refund.succeeded",
    "attempt": 1,
    "status": "pending",
    "response_status": 500,
    "error": None,
    "response_excerpt": "Internal Server Error",
    "duration_ms": 212,
    "next_attempt_at": "2026-01-31T12:00:05.000000Z",
}
_EVENT: dict[str, Any] = {
    "id": "019b2f60-51f0-7d0e-8a44-3f5b0c6f2a11",
    "object": "event",
    "environment": "test",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "type": "customer.created",
    "sequence": 1,
    "data": {
        "object": {
            "id": "019b2f60-4c1e-7b52-9d3c-6d0e5a7f1b22",
            "object": "customer",
            "environment": "test",
            "external_customer_id": "till-7781",
            "risk": {"score": 0.0, "level": "low"},
            "is_active": True,
        }
    },
    "request": {"id": "req_3f8a1c5e9b7d2046c8e0a1f4", "idempotency_key": None},
}
_RESEND: dict[str, Any] = {
    "object": "webhook_resend",
    "endpoint": ENDPOINT_ID,
    "count": 42,
    "has_more": False,
    "continue_from": None,
}
_SUMMARY: dict[str, Any] = {
    "id": "019c1a2b-3f10-7a3e-8c11-5b7d2e9f6a04",
    "object": "daily_summary",
    "environment": "test",
    "created_at": "2026-02-01T01:00:12.000000Z",
    "currency": "EUR",
    "summary_date": "2026-01-31",
    "transaction_count": 120,
    "successful_count": 111,
    "failed_count": 8,
    "refunded_count": 3,
    "gross_amount": 466200,
    "fee_amount": 16850,
    "net_amount": 449350,
    "refunded_amount": 9900,
    "success_rate": 0.925,
    "high_risk_count": 2,
    "fraud_count": 0,
    "dispute_count": 1,
    "computed_at": "2026-02-03T01:00:09.000000Z",
}
_SETTLEMENT: dict[str, Any] = {
    "id": "2026-01-31-EUR",
    "object": "daily_settlement",
    "environment": "test",
    "created_at": "2026-01-31T00:00:00.000000Z",
    "currency": "EUR",
    "day": "2026-01-31",
    "payment_count": 97,
    "gross_amount": 401300,
    "fee_amount": 14548,
    "refunded_amount": 9900,
    "disputed_amount": 5700,
    "adjusted_amount": 0,
    "net_amount": 371152,
    "settled_amount": 386752,
    "pending_amount": 0,
    "is_settled": True,
    "payout_count": 1,
    "payout_amount": 371152,
}
_NO_CHANGES = dict.fromkeys(
    (
        "payment",
        "fee",
        "refund",
        "refund_failure",
        "dispute_hold",
        "dispute_release",
        "dispute_loss",
        "settlement",
        "payout",
        "payout_failure",
        "adjustment",
    ),
    0,
)
_BALANCE_REPORT: dict[str, Any] = {
    "object": "balance_report",
    "environment": "test",
    "first_day": "2026-01-01",
    "last_day": "2026-01-31",
    "computed_at": "2026-02-01T08:30:00.000000Z",
    "balances": [
        {
            "currency": "EUR",
            "bucket": "pending",
            "opening_balance": 81200,
            "changes": _NO_CHANGES | {"payment": 466200, "fee": -16850, "settlement": -455050},
            "closing_balance": 75500,
        },
        {
            "currency": "EUR",
            "bucket": "available",
            "opening_balance": 0,
            "changes": _NO_CHANGES | {"refund": -9900, "settlement": 455050, "payout": -445150},
            "closing_balance": 0,
        },
        {
            "currency": "EUR",
            "bucket": "reserved",
            "opening_balance": 0,
            "changes": _NO_CHANGES,
            "closing_balance": 0,
        },
    ],
}
ANSWERS: dict[str, Any] = {
    "BalanceReport": _BALANCE_REPORT,
    "DailySettlement": _SETTLEMENT,
    "DailySummary": _SUMMARY,
    "Transaction": _TRANSACTION,
    "WebhookEndpoint": _ENDPOINT,
    "WebhookDelivery": _DELIVERY,
    "WebhookResend": _RESEND,
    "Event": _EVENT,
}
BODIES: dict[str, Any] = {
    "post_transactions": {
        "pay": {
            "summary": "Charge a card",
            "value": {
                "amount": 4200,
                "currency": "EUR",
                "payment_method": "pm_4c1f8a27d09b43e6b5a7f2c3d8e9016b",
                "description": "Order 1042",
                "metadata": {"order": "1042"},
            },
        },
        "authorize": {
            "summary": "Authorize only",
            "value": {
                "amount": 4200,
                "currency": "EUR",
                "payment_method": "pm_4c1f8a27d09b43e6b5a7f2c3d8e9016b",
                "capture": False,
            },
        },
    },
    "post_payment_methods": {
        "card": {
            "summary": "A test card",
            "value": {
                "type": "card",
                "card": {
                    "number": "4242424242424242",
                    "exp_month": 12,
                    "exp_year": 2034,
                    "cvc": "123",
                },
            },
        }
    },
    "post_payouts": {
        "some": {
            "summary": "A part of the available balance",
            "value": {"amount": 25000, "currency": "EUR", "description": "Week 5"},
        }
    },
    "post_refunds": {
        "part": {
            "summary": "Part of a payment",
            "value": {"transaction": TRANSACTION_ID, "amount": 1000, "reason": "Returned"},
        }
    },
    "post_webhook_endpoints": {
        "some": {
            "summary": "Some types of events",
            "value": {
                "url": "https://shop.example/webhooks",
                "enabled_events": ["refund.*", "transaction.succeeded"],
                "description": "Shop",
            },
        },
        "all": {"summary": "All events", "value": {"url": "https://shop.example/webhooks"}},
    },
    "update_webhook_endpoints_by_id": {
        "enable": {"summary": "Enable it again", "value": {"status": "enabled"}},
        "move": {
            "summary": "Send elsewhere",
            "value": {"url": "https://shop.example/payments/webhooks"},
        },
    },
    "post_webhook_endpoints_by_id_rotate_secret": {
        "overlap": {"summary": "Both sign for an hour", "value": {"overlap_seconds": 3600}},
        "at_once": {"summary": "The old one has leaked", "value": {"overlap_seconds": 0}},
    },
    "post_webhook_endpoints_by_id_resend": {
        "failed": {"summary": "What failed", "value": {"since": "2026-01-31T00:00:00Z"}},
        "all": {
            "summary": "Everything, as after a loss of data",
            "value": {"since": "2026-01-31T00:00:00Z", "status": "all"},
        },
    },
}


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A row of the errors table: its anchor is ``errors-<code>``."""

    code: str
    status: int
    type: str
    meaning: str
    remedy: str


_REQUEST, _IDEMPOTENCY = "invalid_request_error", "idempotency_error"
_CARD, _API = "card_error", "api_error"

ERROR_CODES = tuple(
    ErrorCode(*row)
    for row in (
        ("parameter_missing", 400, _REQUEST, "A required field is absent.", "Send `param`."),
        (
            "parameter_invalid",
            400,
            _REQUEST,
            "A value has the wrong type, form or range.",
            "Correct `param`; `errors` lists every field at fault.",
        ),
        (
            "unknown_parameter",
            400,
            _REQUEST,
            "There is no such field; nothing unknown is ignored.",
            "Check the spelling of `param`.",
        ),
        (
            "amount_too_large",
            400,
            _REQUEST,
            "The amount is over 99999999999.",
            "Amounts are in the smallest unit: 1000 is ten euros.",
        ),
        (
            "currency_not_supported",
            400,
            _REQUEST,
            "No active ISO 4217 currency, or not one of yours.",
            "Use a currency of your account.",
        ),
        (
            "report_too_large",
            400,
            _REQUEST,
            "The report looks at more than can be read while you wait.",
            "Ask for fewer days, or for later ones.",
        ),
        (
            "json_invalid",
            400,
            _REQUEST,
            "The body is not JSON, or JSON that we do not take: duplicate names, NUL, lone"
            " surrogates, fractions, depth over 32.",
            "Send one plain JSON object.",
        ),
        (
            "signature_invalid",
            400,
            _REQUEST,
            "A gateway's message has no valid signature.",
            "For gateways only: check the signing key.",
        ),
        (
            "resource_missing",
            404,
            _REQUEST,
            "No such object for this merchant and environment. 400 with `param` where a body,"
            " filter or cursor names it.",
            "Check the id, and that a test key is not used for a live object.",
        ),
        (
            "idempotency_key_reused",
            400,
            _IDEMPOTENCY,
            "The key was used with other parameters or at another endpoint.",
            "Use a new key for a new request.",
        ),
        (
            "idempotency_key_in_use",
            409,
            _IDEMPOTENCY,
            "A call with the same key is under way.",
            "Wait `Retry-After` seconds and send the same request again.",
        ),
        (
            "api_key_invalid",
            401,
            _REQUEST,
            "There is no key, or none that is valid.",
            "Send `Authorization: Bearer sk_…`.",
        ),
        ("api_key_expired", 401, _REQUEST, "The key's time is over.", "Use a newer key."),
        (
            "permission_denied",
            403,
            _REQUEST,
            "The key lacks a permission, which the message names.",
            "Use a key that has it.",
        ),
        (
            "merchant_not_active",
            403,
            _REQUEST,
            "The account may not take live payments (any more).",
            "Ask us; test keys keep working.",
        ),
        (
            "customer_not_allowed",
            403,
            _REQUEST,
            "A publishable key named a customer.",
            "Attach the payment method with a secret key.",
        ),
        ("method_not_allowed", 405, _REQUEST, "Not with this method.", "See the header `Allow`."),
        (
            "payload_too_large",
            413,
            _REQUEST,
            "The body is over 256 KiB, or a file over 5 MiB.",
            "Send less.",
        ),
        (
            "unsupported_media_type",
            415,
            _REQUEST,
            "The body is not JSON by its own word; of an upload, no form.",
            "Send `Content-Type: application/json`; for `/v1/files`, `multipart/form-data`.",
        ),
        (
            "card_declined",
            402,
            _CARD,
            "The issuer refused; `decline_code` says why.",
            "Ask for another card.",
        ),
        ("expired_card", 402, _CARD, "The card has expired.", "Ask for another card."),
        ("incorrect_cvc", 402, _CARD, "The security code is wrong.", "Ask for it again."),
        (
            "processing_error",
            402,
            _CARD,
            "The issuer or network failed while working on it.",
            "Try again later, with a new key.",
        ),
        (
            "blocked_by_risk",
            402,
            _CARD,
            "Our risk rules blocked it before any gateway was asked.",
            "Do not repeat it; ask for another way to pay.",
        ),
        (
            "transaction_state_invalid",
            409,
            _REQUEST,
            "The transaction's state does not allow the act.",
            "Read it again; see the life cycle.",
        ),
        (
            "amount_exceeds_capturable",
            409,
            _REQUEST,
            "More than was authorized.",
            "Capture what was authorized, or less.",
        ),
        (
            "amount_exceeds_refundable",
            409,
            _REQUEST,
            "More than was captured and not yet refunded.",
            "Refund what is left.",
        ),
        (
            "refund_state_invalid",
            409,
            _REQUEST,
            "The refund is settled, or its gateway can't call it off any more.",
            "Read it again; an event tells how it ends.",
        ),
        (
            "dispute_state_invalid",
            409,
            _REQUEST,
            "The dispute is decided, is being accepted, or its gateway does not take the answer.",
            "Read it again.",
        ),
        (
            "evidence_already_submitted",
            409,
            _REQUEST,
            "The evidence was sent, which is possible once.",
            "Wait for the outcome; `dispute.closed` tells it.",
        ),
        (
            "dispute_overdue",
            409,
            _REQUEST,
            "The last day on which the dispute could be answered (`due_date`, in UTC) is over.",
            "It can be accepted still; else it is lost.",
        ),
        (
            "balance_insufficient",
            409,
            _REQUEST,
            "Less is available than the payout asks for.",
            "Read the balance; pending money becomes available with its day.",
        ),
        (
            "payout_account_missing",
            409,
            _REQUEST,
            "There is no bank account of yours for payouts in this currency.",
            "Tell us the account.",
        ),
        (
            "payout_account_unconfirmed",
            409,
            _REQUEST,
            "The bank account is new or has changed, and is being confirmed.",
            "Wait until we have confirmed it; the money stays available.",
        ),
        (
            "payout_state_invalid",
            409,
            _REQUEST,
            "The payout's state does not allow the act: it was sent, or is decided.",
            "Read it again.",
        ),
        (
            "external_reference_used",
            409,
            _REQUEST,
            "A payment was recorded under this `external_reference` before.",
            "It is recorded already; another payment has another reference.",
        ),
        (
            "payment_method_already_attached",
            409,
            _REQUEST,
            "The payment method belongs to another customer.",
            "Tokenise the card again for this customer.",
        ),
        (
            "payment_method_detached",
            409,
            _REQUEST,
            "The payment method was detached, for good.",
            "Tokenise the card again.",
        ),
        (
            "api_key_inactive",
            409,
            _REQUEST,
            "The key has ended: there is nothing to rotate.",
            "Create a new key.",
        ),
        (
            "webhook_endpoints_max",
            409,
            _REQUEST,
            "There are as many webhook endpoints as there may be.",
            "Delete one, or let one get more types of events.",
        ),
        (
            "webhook_endpoint_disabled",
            409,
            _REQUEST,
            "Nothing is sent to a disabled endpoint.",
            "Enable it first, with `status`.",
        ),
        (
            "event_too_old",
            409,
            _REQUEST,
            "Events are sent again for thirty days.",
            "Read older ones from `/v1/events`.",
        ),
        (
            "merchant_state_invalid",
            409,
            _REQUEST,
            "The account's state does not allow the change.",
            "Ask us.",
        ),
        (
            "checklist_incomplete",
            409,
            _REQUEST,
            "Something about the merchant is not known or checked yet.",
            "Ask us.",
        ),
        (
            "rate_limited",
            429,
            "rate_limit_error",
            "Too many calls with this key at this endpoint.",
            "Wait `Retry-After` seconds.",
        ),
        (
            "internal_error",
            500,
            _API,
            "Something went wrong on our side; the outcome may be unknown.",
            "Retry with the same Idempotency-Key; name the `request_id` to us.",
        ),
        (
            "bank_unavailable",
            503,
            _API,
            "No bank is configured for live payouts; nothing was set aside.",
            "Ask us.",
        ),
        (
            "search_unavailable",
            503,
            _API,
            "The search looks at too many transactions to be answered in time.",
            "Narrow it, by `created_at` for instance.",
        ),
        (
            "gateway_unavailable",
            503,
            _API,
            "No gateway could take the payment; certainly nothing was charged.",
            "Try again later, with a new key.",
        ),
        (
            "file_storage_unavailable",
            503,
            _API,
            "The storage of files does not answer.",
            "Try again later with the same key.",
        ),
    )
)


def _error(code: str, message: str, **more: Any) -> dict[str, Any]:
    found = next(item for item in ERROR_CODES if item.code == code)
    return {
        "error": {
            "type": found.type,
            "code": code,
            "message": message,
            **more,
            "request_id": "req_3f8a1c5e9b7d2046c8e0a1f4",
            "doc_url": f"https://payments.example/docs#errors-{code}",
        }
    }


ERRORS: dict[int, Any] = {
    400: _error("parameter_missing", "amount: This parameter is required.", param="amount"),
    401: _error("api_key_invalid", "No valid API key."),
    402: _error(
        "card_declined",
        "The card has insufficient funds.",
        decline_code="insufficient_funds",
        transaction=_DECLINED,
    ),
    403: _error("permission_denied", "The key lacks the permission refunds:write."),
    404: _error("resource_missing", "There is no object with this id."),
    409: _error("amount_exceeds_refundable", "Only 1200 is left to refund.", param="amount"),
    413: _error("payload_too_large", "The body is larger than 256 KiB."),
    415: _error("unsupported_media_type", "Send the body as application/json."),
    429: _error("rate_limited", "Too many requests; slow down."),
    500: _error("internal_error", "Something went wrong on our side."),
    503: _error("gateway_unavailable", "The gateway could not be reached; nothing was charged."),
}


def _probe(
    name: str, summary: str, answers: dict[str, str], media_type: str = "application/json"
) -> dict[str, Any]:
    return {
        "get": {
            "operationId": f"get_{name}",
            "tags": ["Probes"],
            "summary": summary,
            "description": "",
            "parameters": [],
            "security": [],
            "responses": {
                status: {
                    "description": text,
                    "headers": {"Request-Id": {"$ref": "#/components/headers/Request-Id"}},
                    "content": {media_type: {"schema": _PROBED[media_type]}},
                }
                for status, text in answers.items()
            },
        }
    }


_PROBED: dict[str, Any] = {
    "application/json": {
        "type": "object",
        "properties": {"status": {"type": "string"}, "engines": {"type": "object"}},
        "required": ["status"],
    },
    "text/plain": {"type": "string"},
}
# At the root, not under /v1, so that no view of the API describes them.
PROBES = {
    "/healthz": _probe("healthz", "Whether the process lives", {"200": "It does."}),
    "/readyz": _probe(
        "readyz",
        "Whether payments can be taken, engine by engine",
        {"200": "They can; `degraded` while another engine is away.", "503": "They can't."},
    ),
    "/metrics": _probe(
        "metrics",
        "The numbers of all processes, for Prometheus",
        {"200": "They are."},
        "text/plain",
    ),
}
