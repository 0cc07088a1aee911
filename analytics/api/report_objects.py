"""How reports look to merchants. A CSV file has a column for each field but ``object``."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from payments_project.api.objects import ApiObject, Day, Resource, Time

# A share or a rate, exact in CSV.
Rate = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
# Minor units. A CSV file has what is marked so as a decimal number too.
MONEY = "money"
Money = Annotated[int, MONEY]
Month = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}$")]


class ReportRow(Resource):
    """A row of a report, of one currency."""

    currency: str


class DailySummaryObject(ReportRow):
    """One UTC day's payments in one currency, as computed at `computed_at`.

    Counted by the day on which they were made, whatever became of them later.
    `successful_count` are those that succeeded at some time, `gross_amount` is what was captured
    of them, `net_amount` that less `fee_amount`, and `success_rate` their share. `refunded_count`
    are payments with a succeeded refund, `dispute_count` those with a chargeback, `fraud_count`
    their chargebacks for fraud.
    """

    object: Literal["daily_summary"] = "daily_summary"
    summary_date: Day
    transaction_count: int
    successful_count: int
    failed_count: int
    refunded_count: int
    gross_amount: Money
    fee_amount: Money
    net_amount: Money
    refunded_amount: Money
    success_rate: Rate
    high_risk_count: int
    fraud_count: int
    dispute_count: int
    computed_at: Time | None


class MonthlyStatsObject(ReportRow):
    """One UTC month's payments in one currency, as computed at `computed_at`.

    Two years back at most. `created_at` is when the month began. `total_amount` is what was
    captured of the successful ones, `avg_amount` the mean of it, rounded half to even; null without
    any.
    """

    object: Literal["monthly_stats"] = "monthly_stats"
    month: Month
    transaction_count: int
    successful_count: int
    total_amount: Money
    avg_amount: Money | None
    high_risk_count: int
    computed_at: Time | None


class BalanceChanges(ApiObject):
    """What changed a bucket, by type of entry; signed, as `/v1/balance/entries` shows them."""

    payment: Money = 0
    fee: Money = 0
    refund: Money = 0
    refund_failure: Money = 0
    dispute_hold: Money = 0
    dispute_release: Money = 0
    dispute_loss: Money = 0
    settlement: Money = 0
    payout: Money = 0
    payout_failure: Money = 0
    adjustment: Money = 0


class BucketReport(ApiObject):
    """One bucket of one currency: opening balance, changes, closing balance."""

    currency: str
    bucket: Literal["pending", "available", "reserved"]
    opening_balance: Money
    changes: BalanceChanges
    closing_balance: Money


class BalanceReportObject(ApiObject):
    """How the balance came from the beginning of `first_day` to the end of `last_day`, or to now.

    `opening_balance` and `changes` add up to `closing_balance`, which is now the balance itself.
    """

    object: Literal["balance_report"] = "balance_report"
    environment: Literal["test", "live"]
    first_day: Day
    last_day: Day
    computed_at: Time
    balances: list[BucketReport]


class DailySettlementObject(ReportRow):
    """Money that becomes available on one UTC day in one currency, and that day's payouts.

    `net_amount` = `gross_amount` - `fee_amount` - `refunded_amount` - `disputed_amount` +
    `adjusted_amount`. Payments and their fees count on the day on which their money becomes
    available; refunds, disputes, adjustments and payouts on the day on which they were booked.
    `settled_amount` has moved from pending to available, `pending_amount` has still to.
    `created_at` is when the day began.
    """

    object: Literal["daily_settlement"] = "daily_settlement"
    day: Day
    payment_count: int
    gross_amount: Money
    fee_amount: Money
    refunded_amount: Money
    disputed_amount: Money
    adjusted_amount: Money
    net_amount: Money
    settled_amount: Money
    pending_amount: Money
    is_settled: bool
    payout_count: int
    payout_amount: Money


class DailyFeesObject(ReportRow):
    """Fees that were charged on one UTC day in one currency.

    `volume_amount` is what was captured in `payment_count` payments. `fee_amount` =
    `payment_fee_amount` + `dispute_fee_amount` (taken when a chargeback is opened) -
    `returned_fee_amount` (with disputes that were won); `effective_rate` is its share of the
    volume, null without any. `created_at` is when the day began.
    """

    object: Literal["daily_fees"] = "daily_fees"
    day: Day
    payment_count: int
    volume_amount: Money
    payment_fee_amount: Money
    dispute_count: int
    dispute_fee_amount: Money
    returned_fee_amount: Money
    fee_amount: Money
    effective_rate: Rate | None


class MonthlyDisputesObject(ReportRow):
    """Chargebacks of the payments that were made in one UTC month in one currency.

    All of it is by the month of the payment, whenever it was disputed. `dispute_count` are payments
    with a chargeback, `fraud_count` chargebacks for fraud; the rates are their shares of
    `successful_count`, null without any. These are the daily summaries', as computed at
    `computed_at`; `disputed_amount` = `won_amount` + `lost_amount` + `open_amount` is what the
    chargebacks are over now. `created_at` is when the month began.
    """

    object: Literal["monthly_disputes"] = "monthly_disputes"
    month: Month
    successful_count: int
    dispute_count: int
    fraud_count: int
    dispute_rate: Rate | None
    fraud_rate: Rate | None
    disputed_amount: Money
    won_amount: Money
    lost_amount: Money
    open_amount: Money
    computed_at: Time | None


class BalanceLine(ApiObject):
    """A line of the balance report's CSV file: a bucket of a currency, changes in columns."""

    first_day: date
    last_day: date
    environment: str
    currency: str
    bucket: str
    opening_balance: Money
    payment: Money
    fee: Money
    refund: Money
    refund_failure: Money
    dispute_hold: Money
    dispute_release: Money
    dispute_loss: Money
    settlement: Money
    payout: Money
    payout_failure: Money
    adjustment: Money
    closing_balance: Money
    computed_at: Time
