-- The source design's view, with three repairs (docs/source-design/differences.md):
-- a payment that was refunded or disputed later has still succeeded; months are UTC's, whatever the
-- session's zone; the two years begin on a month's first day, so that no month is cut in two.
CREATE MATERIALIZED VIEW merchant_monthly_stats AS
SELECT
    merchant_id,
    environment,
    date_trunc('month', created_at, 'UTC') AS month,
    currency,
    count(*) AS transaction_count,
    count(*) FILTER (WHERE status IN ('succeeded', 'refunded', 'disputed')) AS successful_count,
    sum(captured_amount) FILTER (WHERE status IN ('succeeded', 'refunded', 'disputed'))
        AS total_amount,
    avg(captured_amount) FILTER (WHERE status IN ('succeeded', 'refunded', 'disputed'))
        AS avg_amount,
    count(*) FILTER (WHERE risk_level = 'high') AS high_risk_count
FROM transactions
WHERE created_at >= date_trunc('month', now(), 'UTC') - interval '2 years'
GROUP BY merchant_id, environment, date_trunc('month', created_at, 'UTC'), currency;

CREATE INDEX idx_merchant_monthly_stats ON merchant_monthly_stats (merchant_id, month DESC);
-- REFRESH ... CONCURRENTLY needs one.
CREATE UNIQUE INDEX merchant_monthly_stats_once
    ON merchant_monthly_stats (merchant_id, environment, month, currency);
