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
    "confirm overdue captures": {
        "task": "transactions.confirm_overdue_captures",
        "schedule": 900.0,
    },
    "settle overdue refunds": {"task": "disputes.settle_overdue_refunds", "schedule": 900.0},
    "settle balances": {"task": "transactions.settle_due", "schedule": 300.0},
    "expire authorizations": {"task": "transactions.expire_authorizations", "schedule": 300.0},
    "delete old idempotency keys": {
        "task": "payments_project.delete_old_keys",
        "schedule": crontab(minute="17"),
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
    "refresh the monthly view": {
        "task": "analytics.refresh_monthly_stats",
        "schedule": crontab(hour="2", minute="0"),
    },
}
