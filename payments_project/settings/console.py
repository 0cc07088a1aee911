"""The console's look and its sidebar; imported by ``base``.

An item of the sidebar has a title, a Material Symbols icon, and a model (``app.Model``) or the name
of one of the console's addresses with the permission that it needs. What a member of staff may not
view is left out by ``payments_project.console.navigation``.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

CONSOLE_SIDEBAR: list[dict[str, Any]] = [
    {
        "title": "",
        "items": [
            ("Home", "space_dashboard", "index", ""),
            (
                "Dashboard",
                "monitoring",
                "dashboard",
                "analytics.view_dailytransactionsummary",
            ),
        ],
    },
    {
        "title": "Payments",
        "items": [
            (
                "Find payments",
                "manage_search",
                "find_payments",
                "transactions.view_transaction",
            ),
            ("Transactions", "credit_card", "transactions.Transaction"),
            ("Refunds", "undo", "disputes.Refund"),
            ("Disputes", "gavel", "disputes.Dispute"),
            ("Evidence files", "folder_open", "disputes.EvidenceFile"),
            ("Payment reviews", "flag", "transactions.PaymentReview"),
            ("Customers", "group", "merchants.Customer"),
            ("Payment methods", "wallet", "vault.PaymentMethod"),
        ],
    },
    {
        "title": "Money",
        "items": [
            ("Payouts", "outbound", "transactions.Payout"),
            ("Payout accounts", "assured_workload", "transactions.PayoutAccount"),
            ("Files for the bank", "upload_file", "transactions.PayoutExport"),
            ("Merchant balances", "account_balance", "transactions.MerchantBalance"),
            ("Adjustments", "balance", "transactions.BalanceAdjustment"),
            ("Ledger entries", "receipt_long", "transactions.LedgerEntry"),
            ("Merchant pending days", "event_upcoming", "transactions.MerchantPendingDay"),
            ("Daily transaction summaries", "bar_chart", "analytics.DailyTransactionSummary"),
            (
                "Monthly stats",
                "calendar_month",
                "monthly_stats",
                "analytics.view_merchantmonthlystats",
            ),
        ],
    },
    {
        "title": "Merchants",
        "items": [
            ("Merchants", "storefront", "merchants.Merchant"),
            ("API keys", "key", "merchants.ApiKey"),
            ("Webhook endpoints", "webhook", "merchants.WebhookEndpoint"),
            ("Webhook deliveries", "send", "merchants.WebhookDelivery"),
            ("Notices", "mail", "merchants.MerchantNotice"),
        ],
    },
    {
        "title": "Gateways",
        "items": [
            ("Gateway operations", "sync_alt", "transactions.GatewayOperation"),
            ("Gateway callbacks", "call_received", "transactions.GatewayCallback"),
            ("Dispute operations", "sync_alt", "disputes.DisputeOperation"),
            ("Simulator charges", "science", "transactions.SimulatorCharge"),
            ("Simulator refunds", "science", "transactions.SimulatorRefund"),
            ("Simulator disputes", "science", "disputes.SimulatorDispute"),
            ("Simulator transfers", "science", "transactions.BankSimulatorTransfer"),
            ("Simulator callbacks", "science", "transactions.SimulatorCallback"),
        ],
    },
    {
        "title": "Platform",
        "items": [
            ("Events", "history", "payments_project.Event"),
            ("Event readers", "bookmark", "payments_project.EventCursor"),
            ("Jobs", "schedule", "jobs", "payments_project.view_scheduledjob"),
            ("Search indices", "database_search", "analytics.SearchIndex"),
            ("Dead letters", "unsubscribe", "payments_project.DeadLetter"),
            ("Idempotency keys", "fingerprint", "payments_project.IdempotencyKey"),
            ("Monthly tables", "calendar_view_month", "payments_project.MonthlyTable"),
            ("Status transitions", "schema", "payments_project.StatusTransition"),
        ],
    },
    {
        "title": "Staff",
        "items": [
            ("Staff users", "badge", "payments_project.StaffUser"),
            ("Roles", "shield_person", "auth.Group"),
            ("Approvals", "group", "payments_project.Approval"),
            ("Approval limits", "tune", "payments_project.ApprovalLimit"),
            ("Audit entries", "policy", "payments_project.AuditEntry"),
        ],
    },
]


def _static(path: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(path)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Payments console",
    "SITE_HEADER": "Payments console",
    "SITE_SYMBOL": "payments",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": _static("console/icon.svg")}
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "payments_project.console.navigation.environment_label",
    "ACCOUNT": {
        "navigation": [
            {"title": "Your sign-in", "link": reverse_lazy("admin:account")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ]
    },
    "STYLES": [_static("console/theme.css"), _static("console/console.css")],
    "SCRIPTS": [_static("console/console.js")],
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "payments_project.console.navigation.sidebar",
    },
}
