-- FROZEN. Do not change this file or reference_schema.sql: every figure that was ever quoted as
-- "x of the reference" is a figure against exactly these statements. bench/reference.py knows the
-- digest of both files and refuses others. A better reference is a new file under a new name.
--
-- What it is: the least that any service must write to take one card payment and survive being
-- killed in between. Two commits, because the gateway is asked between them and is never asked
-- inside a transaction. Written as a careful DBA writes it: one plain statement per table, bound
-- parameters, prepared once per connection, primary keys and nothing else. It is not slowed down
-- (no lock, no trigger, no second index, no read) and not sped up (no CTE that folds statements
-- together, no pipeline, no COPY, nothing asynchronous).
--
--   pgbench -n -M prepared -D merchants=1000 -c 8 -j 1 -T 10 -f bench/payments.sql DATABASE
--
-- First commit, the intent: known to us before the gateway knows of it.
--   transactions (1 row)      the payment, pending; its id goes to the gateway as reference
--   idempotency_keys (1 row)  the merchant's key; the unique pair stops a second charge
--   events (1 row)            transaction.created, the outbox of everything outside
-- Second commit, the outcome.
--   transactions (update)     pending becomes succeeded, if nobody else settled it
--   ledger_entries (2 rows)   the payment, and our fee
--   events (1 row)            transaction.succeeded
--   idempotency_keys (update) the reply that a repeated request is given

\set merchant random(1, :merchants)
\set key random(1, 9223372036854775807)
\set amount random(100, 100000)

BEGIN;
INSERT INTO bench_reference.transactions (merchant_id, amount, currency, status, payment_method) VALUES (lpad(to_hex(:merchant::bigint), 32, '0')::uuid, :amount, 'USD', 'pending', 'pm_019abf6e0c2a7d4f9c1d5b7e8a2f4c60') RETURNING id \gset
INSERT INTO bench_reference.idempotency_keys (merchant_id, key, transaction_id) VALUES (lpad(to_hex(:merchant::bigint), 32, '0')::uuid, :key::text, :id);
INSERT INTO bench_reference.events (transaction_id, type, payload) VALUES (:id, 'transaction.created', jsonb_build_object('id', :id::uuid, 'amount', :amount::bigint, 'currency', 'USD', 'status', 'pending'));
COMMIT;

BEGIN;
UPDATE bench_reference.transactions SET status = 'succeeded', gateway_transaction_id = 'ch_' || :id::text WHERE id = :id AND status = 'pending';
INSERT INTO bench_reference.ledger_entries (transaction_id, debit_account, credit_account, amount, currency) VALUES (:id, 'gateway', 'pending', :amount, 'USD'), (:id, 'pending', 'fees', :amount::bigint / 50 + 30, 'USD');
INSERT INTO bench_reference.events (transaction_id, type, payload) VALUES (:id, 'transaction.succeeded', jsonb_build_object('id', :id::uuid, 'amount', :amount::bigint, 'currency', 'USD', 'status', 'succeeded'));
UPDATE bench_reference.idempotency_keys SET response_status = 201, response_body = '{"id":"' || :id::text || '","object":"transaction","amount":' || :amount::text || ',"currency":"USD","status":"succeeded"}' WHERE merchant_id = lpad(to_hex(:merchant::bigint), 32, '0')::uuid AND key = :key::text;
COMMIT;
