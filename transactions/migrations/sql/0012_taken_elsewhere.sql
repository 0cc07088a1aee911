-- Of several payments with one reference, the first keeps it.
INSERT INTO external_references (merchant_id, environment, reference, transaction_id)
SELECT DISTINCT ON (merchant_id, environment, gateway_transaction_id)
       merchant_id, environment, gateway_transaction_id, id
  FROM transactions
 WHERE gateway_name = 'external' AND gateway_transaction_id IS NOT NULL
 ORDER BY merchant_id, environment, gateway_transaction_id, id
ON CONFLICT DO NOTHING;

-- One entry for each payment and refund, as recording one writes it from now on.
INSERT INTO ledger_entries (merchant_id, environment, currency, transaction_id, type, amount,
                            debit_account, credit_account, source_id, description)
SELECT entry.merchant_id, entry.environment, entry.currency, entry.transaction_id, 'adjustment',
       entry.amount, entry.credit_account, entry.debit_account, entry.source_id,
       'taken elsewhere'
  FROM transactions AS payment
  JOIN ledger_entries AS entry ON entry.transaction_id = payment.id
   AND entry.type IN ('payment', 'refund', 'refund_failure')
 WHERE payment.gateway_name = 'external'
   AND 'available' IN (entry.debit_account, entry.credit_account)
   AND NOT EXISTS (SELECT 1 FROM ledger_entries AS done
                    WHERE done.transaction_id = payment.id AND done.type = 'adjustment'
                      AND done.source_id = entry.source_id);
