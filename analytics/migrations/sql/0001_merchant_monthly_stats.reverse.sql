DROP MATERIALIZED VIEW merchant_monthly_stats;
