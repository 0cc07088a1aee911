"""Bodies and query strings that no service should fall over."""

DEPTH_MAX = 32
BODY_BYTES_MAX = 256 * 1024


def nested(depth: int) -> bytes:
    """An object that holds lists, ``depth`` deep in all."""
    return b'{"metadata": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


# What JSON may not be here, whatever the endpoint: name, body.
BODIES: dict[str, bytes] = {
    "NUL escaped": b'{"metadata": {"a": "x\\u0000y"}}',
    "NUL escaped in a name": b'{"metadata": {"a\\u0000": "x"}}',
    "NUL raw": b'{"metadata": {"a": "x\x00y"}}',
    "surrogate alone": b'{"metadata": {"a": "\\ud800"}}',
    "surrogate alone in a name": b'{"metadata": {"\\udfff": "x"}}',
    "surrogates the wrong way round": b'{"metadata": {"a": "\\ude00\\ud83d"}}',
    "surrogate raw": b'{"metadata": {"a": "\xed\xa0\x80"}}',
    "invalid UTF-8": b'{"metadata": {"a": "\xff"}}',
    "UTF-16": '{"metadata": {}}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "NaN": b'{"amount": NaN}',
    "Infinity": b'{"amount": -Infinity}',
    "duplicate name": b'{"metadata": {}, "metadata": {}}',
    "duplicate name inside": b'{"metadata": {"a": "1", "a": "1"}}',
    "duplicate name by an escape": b'{"metadata": {"a": "1", "\\u0061": "1"}}',
    "nested 33 deep": nested(DEPTH_MAX + 1),
    "nested 100,000 deep": nested(100_000),
    "list": b"[]",
    "string": b'"x"',
    "null": b"null",
    "cut short": b'{"metadata": {"a": ',
    "two values": b"{} {}",
    "single quotes": b"{'amount': 1}",
    "comment": b'{"amount": 1 /* all */}',
}

# What is no amount in minor units, as JSON: the value, the error's code.
AMOUNTS = {
    **dict.fromkeys(
        ["1.0", "100.0", "1e2", "1e400", "-1e-400", '"10"', "true", "null", "[1]", "{}"],
        "parameter_invalid",
    ),
    **dict.fromkeys(["0", "-5", "-0", "-" + "9" * 30], "parameter_invalid"),
    **dict.fromkeys([str(2**63), "9" * 30, "9" * 5000], "amount_too_large"),
}

# Query strings that are refused wherever a list is asked for: the string, the parameter named.
QUERIES = {
    "x=1": "x",
    "x=%00": "x",
    "limit=0": "limit",
    "limit=101": "limit",
    "limit=-1": "limit",
    "limit=abc": "limit",
    "limit=1.0": "limit",
    "limit=": "limit",
    "limit=%EF%BC%91": "limit",
    "limit=%00": "limit",
    "limit=99999999999999999999": "limit",
    "limit=1&limit=2": "limit",
    "starting_after=%00": "starting_after",
    "starting_after=nothing": "starting_after",
    "starting_after=00000000-0000-7000-8000-000000000000": "starting_after",
    "ending_before=%ED%A0%80": "ending_before",
    "created_at[gte]=yesterday": "created_at[gte]",
    "created_at[gte]=2026-13-01T00:00:00Z": "created_at[gte]",
    "created_at[gte]=%00": "created_at[gte]",
    "created_at[no]=2026-01-01T00:00:00Z": "created_at[no]",
    "created_at=2026-01-01T00:00:00Z": "created_at",
    "expand[]=%00": "expand[]",
    "expand[]=secrets": "expand[]",
}

# What stands where an id is due.
IDS = ["x", "%00", "%ED%A0%80", "%F0%9F%92%B3", "1" * 5000, "%EF%BC%91" * 36, "..%2F..%2Fetc", "*"]
