"""What a business has beside its payments, in proportion to them: SQL for the console bench.

Each statement makes one table's rows from the payments that are there. ``dice`` is the same number
for the same payment in every statement. Even of ten thousand payments each list has a full first page:
a page of eleven rows would be compared with one of fifty.
"""

# Tables whose size is an installation's, not its business's, and those that are filled elsewhere. A
# list that is neither here nor in ``ROWS`` fails the bench: it would be measured empty.
NOT_FILLED_HERE = frozenset(
    {
        "auth_group",
        "staff_users",
        "approval_limits",
        "event_cursors",
        "monthly_tables",
        "search_indices",
        "status_transitions",
        # Filled before all others (bench/list_data.py).
        "transactions",
    }
)

_PAYMENTS = (
    " FROM (SELECT *, (hashtext(id::text) & 2147483647) AS dice,"
    " uuid_extract_timestamp(id) - clock_timestamp() AS shift FROM transactions) AS payment"
)
_DAYS = (
    " FROM (SELECT DISTINCT merchant_id, environment, currency,"
    " (created_at AT TIME ZONE 'UTC')::date AS day FROM transactions) AS payment"
)

# By table, in an order that foreign keys allow.
ROWS: dict[str, str] = {
    "merchants": (
        "INSERT INTO merchants (id, business_name, email, address, status)"
        " SELECT id, 'Merchant ' || number, number || '@merchants.example', '{}', 'active'"
        " FROM unnest(%(others)s::uuid[]) WITH ORDINALITY AS merchant (id, number)"
    ),
    "merchant_api_keys": (
        "INSERT INTO merchant_api_keys (merchant_id, name, key_hash, key_prefix, environment)"
        " SELECT id, 'Key ' || number, md5(id::text || number) || md5(number || id::text),"
        " 'sk_test_' || left(md5(id::text || number), 8), 'test'"
        " FROM merchants, generate_series(1, 3) AS number"
    ),
    "customers": (
        "INSERT INTO customers (id, merchant_id, environment, email, external_customer_id,"
        " total_transactions, created_at)"
        " SELECT customer_id, merchant_id, environment, dice || '@customers.example', id::text, 1,"
        f" created_at {_PAYMENTS} WHERE dice %% 10 = 0"
    ),
    "payment_methods_vault": (
        "INSERT INTO payment_methods_vault (token, merchant_id, environment, encrypted_data,"
        " encryption_key_id, payment_method_type, fingerprint, last_four, brand, created_at)"
        " SELECT payment_method_token, merchant_id, environment, '\\x00', 'bench', 'card',"
        f" md5(id::text) || md5(id::text), last_four, brand, created_at {_PAYMENTS}"
        " WHERE dice %% 5 = 0"
    ),
    "ledger_entries": (
        "INSERT INTO ledger_entries (id, merchant_id, environment, currency, amount,"
        " debit_account, credit_account, type, source_id, transaction_id, available_on)"
        " SELECT uuidv7(shift), merchant_id, environment, currency,"
        " CASE kind WHEN 'fee' THEN greatest(fee_amount, 1) ELSE amount END,"
        " CASE kind WHEN 'payment' THEN 'gateway' ELSE 'pending' END,"
        " CASE kind WHEN 'payment' THEN 'pending' WHEN 'fee' THEN 'fees' ELSE 'gateway' END,"
        f" kind, id, id, created_at::date + 2 {_PAYMENTS},"
        " unnest(CASE status WHEN 'refunded' THEN ARRAY['payment', 'fee', 'refund']"
        " ELSE ARRAY['payment', 'fee'] END) AS kind WHERE status <> 'failed'"
    ),
    "events": (
        "INSERT INTO events (id, aggregatetype, aggregateid, type, sequence, payload, merchant_id,"
        " environment, actor_kind)"
        " SELECT uuidv7(shift), 'transaction', id, kind, number, '{}', merchant_id, environment,"
        f" 'api_key' {_PAYMENTS}, unnest(ARRAY['transaction.created', 'transaction.' || status])"
        " WITH ORDINALITY AS event (kind, number)"
    ),
    "refunds": (
        "INSERT INTO refunds (id, transaction_id, merchant_id, environment, amount, currency,"
        " status, gateway_refund_id, created_at)"
        " SELECT uuidv7(shift), id, merchant_id, environment, amount, currency, 'succeeded',"
        f" 'sim_re_' || id, created_at {_PAYMENTS} WHERE status = 'refunded'"
    ),
    "disputes": (
        "INSERT INTO disputes (id, transaction_id, merchant_id, environment, dispute_type,"
        " reason_code, amount, currency, status, due_date, gateway_dispute_id, created_at)"
        " SELECT uuidv7(shift), id, merchant_id, environment, 'chargeback', 'fraudulent', amount,"
        " currency, CASE WHEN created_at > now() - interval '20 days' THEN 'open'"
        " WHEN dice %% 3 = 0 THEN 'won' ELSE 'lost' END, created_at::date + 14,"
        f" 'sim_dp_' || id, created_at {_PAYMENTS} WHERE dice %% 100 = 7"
    ),
    "dispute_operations": (
        "INSERT INTO dispute_operations (id, dispute_id, kind, status, actor_kind, created_at,"
        " finished_at)"
        " SELECT uuidv7(uuid_extract_timestamp(id) - clock_timestamp()), id, 'submit_evidence',"
        " 'succeeded', 'api_key', created_at, created_at FROM disputes"
    ),
    "evidence_files": (
        "INSERT INTO evidence_files (id, merchant_id, environment, purpose, filename,"
        " content_type, size, sha256, storage_name, created_by_kind, created_at, stored_at)"
        " SELECT uuidv7(uuid_extract_timestamp(id) - clock_timestamp()), merchant_id, environment,"
        " 'dispute_evidence', 'receipt.pdf', 'application/pdf', 1000, md5(id::text),"
        " merchant_id || '/' || md5(id::text), 'api_key', created_at, created_at FROM disputes"
    ),
    "gateway_simulator_disputes": (
        "INSERT INTO gateway_simulator_disputes (gateway_id, charge_id, dispute_type, reason,"
        " amount, due_date, status, created_at)"
        " SELECT gateway_dispute_id, transaction_id, dispute_type, reason_code, amount, due_date,"
        " 'needs_response', created_at FROM disputes"
    ),
    "gateway_operations": (
        "INSERT INTO gateway_operations (id, transaction_id, kind, amount, status, cause,"
        " actor_kind, created_at, finished_at)"
        " SELECT uuidv7(shift), id, 'capture', amount, 'succeeded', 'requested', 'api_key',"
        f" created_at, created_at {_PAYMENTS} WHERE dice %% 10 = 3"
    ),
    "gateway_callbacks": (
        "INSERT INTO gateway_callbacks (id, gateway_name, message_id, type, payload, received_at,"
        " processed_at, outcome)"
        " SELECT uuidv7(shift), 'simulator', 'simevt_' || id, 'charge.succeeded', '{}',"
        f" created_at, created_at, 'transaction is succeeded' {_PAYMENTS} WHERE dice %% 10 = 3"
    ),
    "gateway_simulator_charges": (
        "INSERT INTO gateway_simulator_charges (reference, gateway_id, amount, currency, status,"
        " scenario, captured_amount, created_at)"
        " SELECT id, 'sim_ch_' || substr(md5(id::text), 1, 32), amount, currency, 'captured',"
        f" 'succeeds', amount, created_at {_PAYMENTS} WHERE dice %% 5 = 0"
    ),
    "gateway_simulator_refunds": (
        "INSERT INTO gateway_simulator_refunds (reference, gateway_id, amount, status, charge_id,"
        " created_at)"
        " SELECT uuidv7(uuid_extract_timestamp(reference) - clock_timestamp()),"
        " 'sim_re_' || substr(md5(reference::text), 1, 32), amount, 'succeeded', reference,"
        " created_at FROM gateway_simulator_charges WHERE get_byte(decode(md5(reference::text),"
        " 'hex'), 0) < 8"
    ),
    "gateway_simulator_callbacks": (
        "INSERT INTO gateway_simulator_callbacks (due_at, message, sent_at, attempts)"
        ' SELECT created_at, \'{"type": "charge.succeeded"}\', created_at, 1'
        f" {_PAYMENTS} WHERE dice %% 10 = 3"
    ),
    "idempotency_keys": (
        "INSERT INTO idempotency_keys (id, merchant_id, environment, key, request_path,"
        " request_fingerprint, recovery_point, response_status, response_body, created_at)"
        " SELECT uuidv7(shift), merchant_id, environment, id::text, 'POST /v1/transactions',"
        f" md5(id::text), 'finished', 201, '{{}}', created_at {_PAYMENTS}"
        " WHERE created_at > now() - interval '1 day'"
    ),
    "payment_reviews": (
        "INSERT INTO payment_reviews (id, transaction_id, merchant_id, environment, status, reason,"
        " opened_by_kind, created_at, decided_by, decided_at)"
        " SELECT uuidv7(shift), id, merchant_id, environment,"
        " CASE WHEN recent THEN 'open' ELSE 'cleared' END, 'Amount', 'system', created_at,"
        " CASE WHEN recent THEN NULL ELSE %(staff)s::uuid END,"
        " CASE WHEN recent THEN NULL ELSE created_at END"
        f"{_PAYMENTS}, LATERAL (SELECT created_at > now() - interval '7 days' AS recent) AS age"
        " WHERE dice %% 50 = 11"
    ),
    "approvals": (
        "INSERT INTO approvals (id, action, object_type, object_id, merchant_id, environment,"
        " amount, currency, values, reason, status, decided_by_id, decided_at)"
        " SELECT uuidv7(shift), 'refund', 'transactions.Transaction', id::text, merchant_id,"
        " environment, amount, currency, '{}', 'Asked for', 'approved', %(staff)s::uuid,"
        f" created_at {_PAYMENTS} WHERE dice %% 100 = 13"
    ),
    "audit": (
        "INSERT INTO audit (id, action, object_type, object_id, merchant_id, before, after, reason,"
        " staff_user_id)"
        " SELECT uuidv7(shift), 'transaction.marked', 'transaction', id::text, merchant_id, '{}',"
        f" '{{}}', 'Ticket', %(staff)s::uuid {_PAYMENTS} WHERE dice %% 100 = 17"
    ),
    "merchant_balances": (
        "INSERT INTO merchant_balances (merchant_id, environment, currency, available_balance)"
        " SELECT id, 'test', currency, 1000000 FROM merchants,"
        " unnest(ARRAY['USD', 'EUR', 'GBP']) AS currency"
    ),
    "merchant_pending_days": (
        "INSERT INTO merchant_pending_days (id, merchant_id, environment, currency, available_on,"
        " amount)"
        " SELECT uuidv7((day + 1)::timestamp AT TIME ZONE 'UTC' - clock_timestamp()),"
        " merchant_id, environment, currency, day + 2,"
        f" CASE WHEN day > current_date - 3 THEN 5000 ELSE 0 END {_DAYS} ORDER BY day"
    ),
    "daily_transaction_summaries": (
        "INSERT INTO daily_transaction_summaries (merchant_id, environment, summary_date,"
        " currency, transaction_count, successful_count, gross_amount, net_amount)"
        f" SELECT merchant_id, environment, day, currency, 10, 9, 90000, 88000 {_DAYS}"
    ),
    "merchant_notices": (
        "INSERT INTO merchant_notices (id, merchant_id, environment, kind, object_id, occasion,"
        " context, created_at, attempts, sent_at)"
        " SELECT uuidv7(shift), merchant_id, environment, 'dispute.opened', id, 'opened', '{}',"
        f" created_at, 1, created_at {_PAYMENTS} WHERE dice %% 100 = 7"
    ),
    "webhook_endpoints": (
        "INSERT INTO webhook_endpoints (merchant_id, environment, url, enabled_events, secret,"
        " failing_since, consecutive_failures)"
        " SELECT id, environment, 'https://shop.example/' || id, '{*}', %(secret)s,"
        " CASE WHEN hashtext(id::text) %% 50 = 0 THEN now() END,"
        " CASE WHEN hashtext(id::text) %% 50 = 0 THEN 1 ELSE 0 END"
        " FROM merchants, unnest(ARRAY['test', 'live']) AS environment"
    ),
    "webhook_deliveries": (
        "INSERT INTO webhook_deliveries (id, endpoint_id, event_id, merchant_id, environment,"
        " event_type, aggregateid, position, status, attempt, next_attempt_at, give_up_at,"
        " response_status, duration_ms, finished_at)"
        " SELECT uuidv7(shift), endpoint.id, uuidv7(shift), payment.merchant_id,"
        " payment.environment, 'transaction.succeeded', payment.id, dice,"
        " CASE dice %% 5 WHEN 0 THEN 'succeeded' WHEN 1 THEN 'failed' ELSE 'pending' END, 1,"
        " now() + interval '1 hour', now() + interval '1 day',"
        " CASE dice %% 5 WHEN 0 THEN 200 ELSE 500 END, 80, payment.created_at"
        f" {_PAYMENTS} JOIN webhook_endpoints AS endpoint"
        " ON endpoint.merchant_id = payment.merchant_id"
        " AND endpoint.environment = payment.environment WHERE dice %% 20 IN (5, 6, 7)"
    ),
    "scheduled_jobs": (
        "INSERT INTO scheduled_jobs (task, last_started_at, last_duration_ms, last_outcome,"
        " last_succeeded_at, runs)"
        " SELECT 'bench.job_' || number, now(), 5, 'succeeded', now(), 1000"
        " FROM generate_series(1, 40) AS number"
    ),
    "dead_letters": (
        "INSERT INTO dead_letters (id, consumer, source, event_id, event_type, merchant_id, cause,"
        " created_at, last_attempt_at, handled_at)"
        " SELECT uuidv7(shift), 'webhooks', 'log/' || id, uuidv7(shift), 'transaction.succeeded',"
        " merchant_id, 'KeyError in hooks.handle, line 7', created_at, created_at,"
        " CASE WHEN dice %% 1000 <> 29 THEN created_at END"
        f" {_PAYMENTS} WHERE dice %% 100 = 29"
    ),
    "balance_adjustments": (
        "INSERT INTO balance_adjustments (id, merchant_id, environment, currency, amount, reason,"
        " created_at)"
        " SELECT uuidv7(shift), merchant_id, environment, currency, 500, 'Goodwill', created_at"
        f" {_PAYMENTS} WHERE dice %% 100 = 19"
    ),
    "payout_accounts": (
        "INSERT INTO payout_accounts (merchant_id, environment, currency, kind, holder_name,"
        " account_number, country, last_four, status, is_default, created_by, confirmed_by,"
        " confirmed_at)"
        " SELECT id, 'test', currency, 'iban', %(secret)s, %(secret)s, 'DE', '3000', 'confirmed', true,"
        " uuidv7(), uuidv7(), now() FROM merchants, unnest(ARRAY['USD', 'EUR', 'GBP']) AS currency"
    ),
    "payout_exports": (
        "INSERT INTO payout_exports (id, environment, currency, count, total, content, created_at)"
        " SELECT uuidv7(day::timestamp AT TIME ZONE 'UTC' - clock_timestamp()), environment,"
        " currency, count(*), count(*) * 5000, %(secret)s, day"
        f" {_DAYS} GROUP BY day, environment, currency"
    ),
    # A payout a week and currency.
    "payouts": (
        "INSERT INTO payouts (id, merchant_id, environment, account_id, amount, currency, status,"
        " bank_name, sent_at, paid_at, requested_by_kind, created_at)"
        " SELECT uuidv7(day::timestamp AT TIME ZONE 'UTC' - clock_timestamp()),"
        " payment.merchant_id, payment.environment, account.id, 5000, payment.currency, 'paid',"
        f" 'simulator', day, day, 'system', day {_DAYS}"
        " JOIN payout_accounts AS account USING (merchant_id, environment, currency)"
        " WHERE extract(isodow FROM day) = 1"
    ),
    "bank_simulator_transfers": (
        "INSERT INTO bank_simulator_transfers (reference, bank_id, amount, currency, status,"
        " scenario, created_at)"
        " SELECT id, 'sim_tr_' || substr(md5(id::text), 1, 24), amount, currency, 'paid',"
        " 'succeeds', created_at FROM payouts"
    ),
}
