"""Benchmarks, each run by ``./dev bench NAME``; what each measures is in docs/benchmarks.md."""

# Imported only when run: a bench imports the product's modules, and they need settings first.
BENCHES = {
    "payments": "payments per second over HTTP against the frozen reference",
    "lists": "pages of a merchant's list at 100 thousand and at 10 million rows",
    "console": "every list of the console and its home page at 10 thousand and 10 million payments",
    "races": "refunds, captures and idempotency keys under concurrency",
    "vault": "tokenising a batch against bare encryption and insert",
    "events": "the log to Kafka against a bare producer, and the lag under payments",
    "search": "the log to Elasticsearch against the bare bulk helper, and searches against raw ones",
    "webhooks": "a thousand endpoints, a tenth of them dead: how late the others hear",
    "storm": "the relay killed at random and the broker away: nothing lost or out of order",
    "rollup": "the daily summaries of a million payments against the bare INSERT ... SELECT",
    "start": "from a clean clone to the first payment",
}

# Those that need a real Kafka and Elasticsearch beside PostgreSQL and Redis.
WITH_STACK = ("events", "search")
