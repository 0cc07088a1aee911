"""drf-spectacular's settings: how the OpenAPI document introduces itself."""

from typing import Any

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Payment service API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": (
        "Take card payments, refund them, follow disputes and balances. JSON in and out under"
        " `/v1`; amounts are integers in the currency's smallest unit. The guide (authentication,"
        " idempotency, errors, pagination, test cards) is at `/docs`."
    ),
    # Endpoints are found under these alone; the console and the probes are no API.
    "SCHEMA_PATH_PREFIX": "/v1/",
    "POSTPROCESSING_HOOKS": ["payments_project.api.openapi.complete"],
    "DISABLE_ERRORS_AND_WARNINGS": True,
}
