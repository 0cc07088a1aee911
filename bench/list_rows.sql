-- One month of transactions for the lists bench: %(rows)s rows, evenly over the month, succeeded or
-- refunded or failed, as an import would leave them. Every tenth is the hot merchant's, every
-- %(sparse_step)s-th the sparse one's; the rest belong to the others, at random.
INSERT INTO transactions (
    id, merchant_id, environment, customer_id, amount, currency, captured_amount, fee_amount,
    refunded_amount, status, payment_method_type, payment_method_token, brand, last_four,
    gateway_name, gateway_transaction_id, fraud_score, risk_level, compliance_status, description,
    metadata, updated_at, event_sequence)
SELECT row.id,
       CASE WHEN row.number %% %(sparse_step)s = 7 THEN %(sparse)s::uuid
            WHEN row.number %% 10 = 0 THEN %(hot)s::uuid
            ELSE (%(others)s::uuid[])[1 + floor(random() * cardinality(%(others)s::uuid[]))::int]
       END,
       'test', uuidv7(), row.amount, (ARRAY['USD', 'EUR', 'GBP'])[1 + row.number %% 3],
       CASE WHEN row.status <> 'failed' THEN row.amount END,
       CASE WHEN row.status <> 'failed' THEN row.amount / 40 ELSE 0 END,
       CASE WHEN row.status = 'refunded' THEN row.amount ELSE 0 END,
       row.status, 'card', 'pm_' || replace(row.id::text, '-', ''),
       (ARRAY['visa', 'mastercard', 'amex'])[1 + row.number %% 3],
       lpad((row.number %% 10000)::text, 4, '0'), 'simulator',
       'sim_ch_' || replace(row.id::text, '-', ''), 0.1, 'low', 'pending',
       'Order ' || row.number, '{"order": "A-1001"}'::jsonb, now(), 2
  FROM (
    SELECT number,
           uuidv7((%(start)s::timestamptz + %(length)s::interval * (number + 0.5) / %(rows)s)
                  - clock_timestamp()) AS id,
           100 + (random() * 50000)::bigint AS amount,
           CASE WHEN number %% 20 = 3 THEN 'failed' WHEN number %% 30 = 4 THEN 'refunded'
                ELSE 'succeeded' END AS status
      FROM generate_series(0, %(rows)s - 1) AS number
  ) AS row
