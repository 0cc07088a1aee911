-- Payments for the search bench: %(rows)s of them over %(days)s days, as merchants' systems describe
-- them: a few words, an order number, a customer with an address. Every second one is the busy
-- merchant's; the rest belong to the others, at random.
WITH words AS (
    SELECT ARRAY(SELECT (ARRAY['blue', 'green', 'ember', 'river', 'stone', 'cedar', 'linen', 'copper',
                               'heron', 'maple', 'north', 'quiet', 'amber', 'winter', 'garden', 'silver',
                               'velvet', 'harbour', 'meadow', 'lantern'])[1 + number %% 20]
                        || (ARRAY['', 'wood', 'field', 'light', 'ware', 'stead', 'leaf', 'bird', 'mill',
                                  'works'])[1 + number / 20]
                   FROM generate_series(0, 199) AS number) AS list
)
INSERT INTO transactions (
    id, merchant_id, environment, customer_id, amount, currency, captured_amount, fee_amount,
    refunded_amount, status, payment_method_type, payment_method_token, brand, last_four,
    gateway_name, gateway_transaction_id, fraud_score, risk_level, compliance_status, description,
    metadata, updated_at, event_sequence)
SELECT row.id,
       CASE WHEN row.number %% 2 = 0 THEN %(busy)s::uuid
            ELSE (%(others)s::uuid[])[1 + floor(random() * cardinality(%(others)s::uuid[]))::int]
       END,
       'test', CASE WHEN row.number %% 2 = 0
                    THEN (%(customers)s::uuid[])[1 + floor(random() * cardinality(%(customers)s::uuid[]))::int]
               END,
       row.amount, (ARRAY['USD', 'EUR', 'GBP'])[1 + row.number %% 3],
       CASE WHEN row.status <> 'failed' THEN row.amount END,
       CASE WHEN row.status <> 'failed' THEN row.amount / 40 ELSE 0 END,
       CASE WHEN row.status = 'refunded' THEN row.amount ELSE 0 END,
       row.status, 'card', 'pm_' || replace(row.id::text, '-', ''),
       (ARRAY['visa', 'mastercard', 'amex'])[1 + row.number %% 3],
       lpad((floor(random() * 10000)::int)::text, 4, '0'), 'simulator',
       'sim_ch_' || replace(row.id::text, '-', ''), 0.1, 'low', 'pending',
       words.list[1 + floor(random() * 200)::int] || ' ' || words.list[1 + floor(random() * 200)::int]
           || ' ' || words.list[1 + floor(random() * 200)::int] || ' order',
       jsonb_build_object('order', 'ORD-' || (%(first)s + row.number),
                          'channel', (ARRAY['web', 'store', 'phone'])[1 + row.number %% 3]),
       now(), 2
  FROM words, (
    SELECT number,
           uuidv7((%(start)s::timestamptz
                   + make_interval(days => %(days)s) * (number + 0.5) / %(rows)s)
                  - clock_timestamp()) AS id,
           100 + (random() * random() * 50000)::bigint AS amount,
           CASE WHEN number %% 20 = 3 THEN 'failed' WHEN number %% 30 = 4 THEN 'refunded'
                ELSE 'succeeded' END AS status
      FROM generate_series(0, %(rows)s - 1) AS number
  ) AS row
