-- The tables that bench/payments.sql writes to. FROZEN together with it: see the comment there.
-- Least columns, and the primary keys alone; no foreign key, no further index, no trigger.
DROP SCHEMA IF EXISTS bench_reference CASCADE;
CREATE SCHEMA bench_reference;

CREATE TABLE bench_reference.transactions (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    merchant_id uuid NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    payment_method text NOT NULL,
    gateway_transaction_id text
);

CREATE TABLE bench_reference.idempotency_keys (
    merchant_id uuid NOT NULL,
    key text NOT NULL,
    transaction_id uuid NOT NULL,
    response_status smallint,
    response_body text,
    PRIMARY KEY (merchant_id, key)
);

CREATE TABLE bench_reference.ledger_entries (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    transaction_id uuid NOT NULL,
    debit_account text NOT NULL,
    credit_account text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL
);

CREATE TABLE bench_reference.events (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    transaction_id uuid NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL
);
