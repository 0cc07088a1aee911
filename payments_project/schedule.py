"""Everything that runs by the clock, in one place. All of it is safe to run twice or at once.

Tasks are named as strings: the project imports no app. Intervals in seconds; times in UTC.
"""

from celery.schedules import crontab

SCHEDULE = {
    "fold balances": {"task": "transactions.fold_balances", "schedule": 1.0},
    "apply gateway callbacks": {"task": "transactions.apply_callbacks", "schedule": 2.0},
    "send the simulator's callbacks": {
        "task": "transactions.send_simulator_callbacks",
        "schedule": 1.0,
    },
    "resolve unknown outcomes": {
        "task": "transactions.resolve_unknown_outcomes",
        "schedule": 10.0,
    },
    "resolve refunds": {"task": "disputes.resolve_refunds", "schedule": 10.0},
    "resolve acts on disputes": {
        "task": "disputes.resolve_dispute_acts",
        "schedule": 10.0,
    },
    "send notices to merchants": {"task": "merchants.send_notices", "schedule": 30.0},
    "sweep webhooks": {"task": "merchants.sweep_webhooks", "schedule": 5.0},
    "drop old months": {
        "task": "payments_project.drop_old_months",
        "schedule": crontab(hour="1", minute="17"),
    },
    "remind of disputes": {"task": "disputes.remind_of_disputes", "schedule": 900.0},
    "close overdue disputes": {"task": "disputes.close_overdue_disputes", "schedule": 300.0},
    "ask about disputes": {
        "task": "disputes.ask_about_disputes",
        "schedule": crontab(hour="4", minute="11"),
    },
    "tell of expiring cards": {
        "task": "vault.tell_of_expiring_cards",
        "schedule": crontab(minute="41"),
    },
    "sweep files": {"task": "disputes.sweep_files", "schedule": crontab(hour="3", minute="23")},
    "confirm overdue captures": {
        "task": "transactions.confirm_overdue_captures",
        "schedule": 900.0,
    },
    "settle overdue refunds": {"task": "disputes.settle_overdue_refunds", "schedule": 900.0},
    "send payouts": {"task": "transactions.send_payouts", "schedule": 5.0},
    "resolve payouts": {"task": "transactions.resolve_payouts", "schedule": 10.0},
    "settle overdue payouts": {"task": "transactions.settle_overdue_payouts", "schedule": 900.0},
    # Every hour: what could not be paid at midnight may be paid later in the day.
    "run payout schedules": {
        "task": "transactions.run_payout_schedules",
        "schedule": crontab(minute="3"),
    },
    "settle balances": {"task": "transactions.settle_due", "schedule": 300.0},
    "expire authorizations": {"task": "transactions.expire_authorizations", "schedule": 300.0},
    "delete old idempotency keys": {
        "task": "payments_project.delete_old_keys",
        "schedule": crontab(minute="17"),
    },
    "delete old sign-in records": {
        "task": "payments_project.delete_old_sign_in_records",
        "schedule": crontab(hour="3", minute="7"),
    },
    "delete old form tokens": {
        "task": "payments_project.delete_old_form_tokens",
        "schedule": crontab(hour="3", minute="23"),
    },
    "make monthly partitions": {
        "task": "payments_project.make_partitions",
        "schedule": crontab(hour="0", minute="41"),
    },
    "roll up the newest hours": {"task": "analytics.roll_up_newest_hours", "schedule": 60.0},
    "roll up all hours": {
        "task": "analytics.roll_up_all_hours",
        "schedule": crontab(minute="23"),
    },
    "keep the search index": {"task": "analytics.keep_search_index", "schedule": 15.0},
    "check search": {
        "task": "analytics.check_search",
        "schedule": crontab(hour="4", minute="37"),
    },
    "roll up changed days": {"task": "analytics.roll_up_due_days", "schedule": 15.0},
    "roll up the last days": {
        "task": "analytics.roll_up_last_days",
        "schedule": crontab(hour="1", minute="37"),
    },
    "refresh the monthly view": {
        "task": "analytics.refresh_monthly_stats",
        "schedule": crontab(hour="2", minute="0"),
    },
    "audit the books": {
        "task": "disputes.audit_books",
        "schedule": crontab(hour="5", minute="13"),
    },
}
