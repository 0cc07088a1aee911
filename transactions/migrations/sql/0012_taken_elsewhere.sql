-- Of several payments with one reference, the first keeps it. All were credited to the merchant.
INSERT INTO external_references (merchant_id, environment, reference, transaction_id, is_credited)
SELECT DISTINCT ON (merchant_id, environment, gateway_transaction_id)
       merchant_id, environment, gateway_transaction_id, id, true
  FROM transactions
 WHERE gateway_name = 'external' AND gateway_transaction_id IS NOT NULL
 ORDER BY merchant_id, environment, gateway_transaction_id, id
ON CONFLICT DO NOTHING;
