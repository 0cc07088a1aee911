"""Staff's roles and their rights, as the migrations give them (``analytics/migrations``).

Least rights: each role has what its daily work takes, and nobody who runs accounts moves money.
Superusers, of which an installation needs one to begin with, may do everything; give people roles
instead. A new page or act needs a role here before anybody but a superuser can open it; a test
holds this against the console's registry (``tests/console/test_access_matrix.py``).
"""

from collections.abc import Mapping

SUPPORT, RISK, FINANCE = "Support", "Risk", "Finance"
ADMINISTRATOR, AUDITOR = "Administrator", "Auditor"

# What everybody who works with payments looks at.
_LOOK = (
    "disputes.view_dispute",
    "disputes.view_disputeoperation",
    "disputes.view_evidencefile",
    "disputes.view_refund",
    "merchants.view_customer",
    "merchants.view_merchant",
    "merchants.view_merchantnotice",
    "payments_project.view_approval",
    "payments_project.view_event",
    "transactions.view_gatewaycallback",
    "transactions.view_gatewayoperation",
    "transactions.view_ledgerentry",
    "transactions.view_paymentreview",
    "transactions.view_payout",
    "transactions.view_transaction",
    "vault.view_paymentmethod",
)
_FIGURES = (
    "analytics.view_dailytransactionsummary",
    "analytics.view_merchantmonthlystats",
)
_MONEY = (
    "transactions.view_balanceadjustment",
    "transactions.view_merchantbalance",
    "transactions.view_merchantpendingday",
    "transactions.view_payoutaccount",
    "transactions.view_payoutexport",
    "transactions.view_payoutschedule",
)
_MACHINERY = (
    "analytics.view_searchindex",
    "disputes.view_simulatordispute",
    "payments_project.view_deadletter",
    "payments_project.view_eventcursor",
    "payments_project.view_idempotencykey",
    "payments_project.view_monthlytable",
    "payments_project.view_scheduledjob",
    "payments_project.view_statustransition",
    "transactions.view_banksimulatortransfer",
    "transactions.view_simulatorcallback",
    "transactions.view_simulatorcharge",
    "transactions.view_simulatorrefund",
)
_WEBHOOKS = (
    "merchants.view_webhookattempt",
    "merchants.view_webhookdelivery",
    "merchants.view_webhookendpoint",
)
_PEOPLE = (
    "auth.view_group",
    "payments_project.view_approvallimit",
    "payments_project.view_auditentry",
    "payments_project.view_staffuser",
)

ROLES: Mapping[str, frozenset[str]] = {
    # Helps merchants and their customers: finds payments, refunds them, answers disputes, sends
    # webhooks again.
    SUPPORT: frozenset(
        (
            *_LOOK,
            *_WEBHOOKS,
            "disputes.answer_dispute",
            "disputes.refund_payment",
            "disputes.reveal_evidence",
            "merchants.change_webhookendpoint",
            "merchants.resend_webhookdelivery",
            "merchants.reveal_customer",
            "merchants.revoke_apikey",
            "merchants.view_apikey",
            "transactions.ask_gateway",
            "transactions.cancel_transaction",
            "transactions.capture_transaction",
            "transactions.review_transaction",
        )
    ),
    # Decides about merchants, suspicious payments and disputes.
    RISK: frozenset(
        (
            *_LOOK,
            *_FIGURES,
            "disputes.accept_dispute",
            "disputes.answer_dispute",
            "disputes.decide_dispute",
            "disputes.open_dispute",
            "disputes.reveal_evidence",
            "merchants.add_merchant",
            "merchants.approve_merchant",
            "merchants.change_merchant",
            "merchants.rate_merchant",
            "merchants.reveal_customer",
            "merchants.reveal_merchant",
            "merchants.revoke_apikey",
            "merchants.suspend_merchant",
            "merchants.view_apikey",
            "payments_project.export_list",
            "transactions.ask_gateway",
            "transactions.cancel_transaction",
            "transactions.decide_paymentreview",
            "transactions.review_transaction",
        )
    ),
    # Moves and explains money: refunds, payouts, adjustments, fees; the second pair of eyes.
    FINANCE: frozenset(
        (
            *_LOOK,
            *_FIGURES,
            *_MONEY,
            "disputes.approve_refund",
            "disputes.refund_payment",
            "merchants.change_merchant_terms",
            "payments_project.export_list",
            "payments_project.view_approvallimit",
            "transactions.approve_adjustment",
            "transactions.approve_payout",
            "transactions.ask_gateway",
            "transactions.cancel_payout",
            "transactions.confirm_payoutaccount",
            "transactions.create_payout",
            "transactions.edit_payoutaccount",
            "transactions.edit_payoutschedule",
            "transactions.export_payout",
            "transactions.request_adjustment",
            "transactions.settle_payout",
        )
    ),
    # Runs accounts: staff and their roles, merchants' keys, limits, the platform; moves no money.
    ADMINISTRATOR: frozenset(
        (
            *_LOOK,
            *_FIGURES,
            *_MACHINERY,
            *_MONEY,
            *_PEOPLE,
            *_WEBHOOKS,
            "merchants.add_apikey",
            "merchants.add_merchant",
            "merchants.change_merchant",
            "merchants.change_webhookendpoint",
            "merchants.close_merchant",
            "merchants.resend_webhookdelivery",
            "merchants.revoke_apikey",
            "merchants.suspend_merchant",
            "merchants.view_apikey",
            "payments_project.add_staffuser",
            "payments_project.assign_roles",
            "payments_project.change_approvallimit",
            "payments_project.change_staffuser",
            "payments_project.end_sessions",
            "payments_project.export_list",
            "payments_project.replay_deadletter",
            "payments_project.reset_second_factor",
            "payments_project.unlock_staffuser",
        )
    ),
    # Sees every page, changes nothing, and may export what is on it.
    AUDITOR: frozenset(
        (
            *_LOOK,
            *_FIGURES,
            *_MACHINERY,
            *_MONEY,
            *_PEOPLE,
            *_WEBHOOKS,
            "merchants.view_apikey",
            "payments_project.export_list",
        )
    ),
}
