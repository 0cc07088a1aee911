"""The demo's chapters on all that surrounds a payment: cards, keys, lists, input, console."""

import base64

import httpx

from payments_project.local.demo_walk import VISA, Merchant, Walk, new_key

# More calls than there are web processes, so that each is asked.
CALLS = 12


def customers_and_cards(walk: Walk) -> None:
    """A customer, a card of theirs, and what is kept of both."""
    api = walk.merchant
    email = f"ada-{new_key()[:8]}@example.org"
    customer = walk.answer(
        api.post("/customers", {"email": email, "name": "Ada Byron", "metadata": {"tier": "gold"}}),
        201,
    )
    walk.remembered["customer"] = customer["id"]
    walk.equals("a customer is created, with personal data", customer["name"], "Ada Byron")
    found = walk.answer(api.get("/customers", email=email))["data"]
    walk.equals("and found by e-mail", [one["id"] for one in found], [customer["id"]])
    changed = api.http.patch(f"/v1/customers/{customer['id']}", json={"phone": "+1 555 0100"})
    walk.equals("and changed", walk.answer(changed)["phone"], "+1 555 0100")

    response = api.card(customer=customer["id"], card={"cvc": "123", "holder_name": "A. Byron"})
    card = walk.answer(response, 201)
    walk.remembered["card"] = card["id"]
    walk.equals(
        f"a card becomes the token {card['id'][:11]}…",
        (card["card"]["brand"], card["card"]["last_four"], card["customer"]),
        ("visa", "4242", customer["id"]),
    )
    walk.holds("the answer holds neither its number nor its CVC", VISA not in response.text)
    again = walk.answer(api.card(customer=customer["id"]), 200)
    walk.equals("the same card of the same customer is the same token", again["id"], card["id"])
    expanded = walk.answer(api.get(f"/payment_methods/{card['id']}", expand__="customer"))
    walk.equals("expand[]=customer shows whose it is", expanded["customer"]["email"], email)
    walk.refused("a mistyped number", api.card("4242424242424241"), 400, "parameter_invalid")


def api_keys(walk: Walk) -> None:
    """What each key may do, and how keys are made, rotated and revoked."""
    api = walk.merchant
    nobody = Merchant(walk.base_url, "sk_test_nobody")
    walk.refused("an unknown key", nobody.get("/balance"), 401, "api_key_invalid")
    basic = base64.b64encode(f"{api.key}:".encode()).decode()
    answer = httpx.get(f"{walk.base_url}/v1/balance", headers={"Authorization": f"Basic {basic}"})
    walk.equals("a key works as a Basic user name", answer.status_code, 200)
    public = Merchant(walk.base_url, walk.credentials["publishable_test_key"])
    walk.equals("a publishable key tokenises", public.card().status_code, 201)
    with_customer = public.card(customer=walk.remembered["customer"])
    walk.refused("but for no customer", with_customer, 403, "customer_not_allowed")
    walk.refused("and reads nothing", public.get("/transactions"), 403, "permission_denied")

    reader = {"name": "Demo reader", "type": "secret", "permissions": ["transactions:read"]}
    made = walk.answer(api.post("/api_keys", reader), 201)
    limited = Merchant(walk.base_url, made["secret"])
    walk.equals("a new key reads payments", limited.get("/transactions").status_code, 200)
    error = walk.refused("but refunds nothing", limited.post("/refunds"), 403, "permission_denied")
    walk.holds("the error names what is missing", "refunds:write" in error["message"], found=error)

    rotated = walk.answer(api.post(f"/api_keys/{made['id']}/rotate", {"overlap_seconds": 60}))
    newer = Merchant(walk.base_url, rotated["secret"])
    walk.equals(
        "rotated with an overlap: both keys work",
        [one.get("/transactions").status_code for one in (limited, newer)],
        [200, 200],
    )
    walk.answer(api.post(f"/api_keys/{rotated['id']}/revoke"))
    walk.equals(
        "revoked: the key is refused everywhere at once",
        {newer.get("/transactions").status_code for _ in range(CALLS)},
        {401},
    )
    walk.answer(api.post(f"/api_keys/{made['id']}/revoke"))


def separation(walk: Walk) -> None:
    """Another merchant's objects, and those of the other environment, do not exist."""
    path = f"/transactions/{walk.remembered['paid']}"
    live = Merchant(walk.base_url, walk.credentials["live_key"])
    walk.refused("another merchant's key", walk.other.get(path), 404, "resource_missing")
    walk.refused("the live key", live.get(path), 404, "resource_missing")
    body = {"amount": 100, "currency": "USD", "payment_method": walk.remembered["card"]}
    error = walk.refused(
        "paying with another's card",
        walk.other.post("/transactions", body),
        400,
        "resource_missing",
    )
    walk.equals("the parameter is named", error.get("param"), "payment_method")


def lists(walk: Walk) -> None:
    """Pages, filters and ranges."""
    api = walk.merchant
    first = walk.answer(api.get("/transactions", limit=3))
    ids = [one["id"] for one in first["data"]]
    walk.equals("newest first", ids, sorted(ids, reverse=True))
    second = walk.answer(api.get("/transactions", limit=3, starting_after=ids[-1]))
    back = walk.answer(api.get("/transactions", limit=3, ending_before=second["data"][0]["id"]))
    walk.equals("a page on and a page back", [one["id"] for one in back["data"]], ids)
    filters = {"status": "succeeded", "currency": walk.currency, "amount__gte": 5_000}
    found = walk.answer(api.get("/transactions", **filters, limit=100))["data"]
    walk.holds(
        "by status, currency and amount",
        found
        and all(
            one["status"] == "succeeded"
            and one["currency"] == walk.currency
            and one["amount"] >= 5_000
            for one in found
        ),
    )
    shown = walk.answer(api.get(f"/transactions/{walk.remembered['paid']}", expand__="customer"))
    walk.equals(
        "expand[]=customer puts the customer in place of its id",
        shown["customer"]["id"],
        walk.remembered["customer"],
    )
    walk.refused("limit=101", api.get("/transactions", limit=101), 400, "parameter_invalid")
    headers = api.get("/balance").headers
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    walk.holds("every answer tells the rate limit", all(name in headers for name in names))


def strict_input(walk: Walk) -> None:
    """What is wrong is refused with its name, and never an error of ours."""
    token = walk.remembered["card"]
    whole = f'"currency": "USD", "payment_method": "{token}"'
    for what, text, code in (
        ("an unknown field", f'{{"amount": 100, {whole}, "surprise": 1}}', "unknown_parameter"),
        ("an amount in quotes", f'{{"amount": "100", {whole}}}', "parameter_invalid"),
        ("an amount of 1.0", f'{{"amount": 1.0, {whole}}}', None),
        ("a name twice", f'{{"amount": 100, "amount": 200, {whole}}}', None),
        ("NaN", f'{{"amount": NaN, {whole}}}', None),
        ("a NUL", f'{{"amount": 100, {whole}, "description": "a\\u0000"}}', None),
        ("half a surrogate", f'{{"amount": 100, {whole}, "description": "\\ud800"}}', None),
        ("40 levels", f'{{"amount": 100, {whole}, "metadata": {"[" * 40}{"]" * 40}}}', None),
        ("half a body", '{"amount": 1', None),
    ):
        response = walk.merchant.post_text("/transactions", text, "application/json")
        error = walk.answer(response, 400)["error"]
        walk.holds(f"{what}: 400 {error['code']}", code in (None, error["code"]), found=error)
    huge = walk.merchant.post_text("/transactions", b"[" + b" " * 300_000, "application/json")
    walk.equals("300 kB: 413", huge.status_code, 413)
    form = walk.merchant.post_text("/customers", "a=1", "application/x-www-form-urlencoded")
    walk.equals("a form: 415", form.status_code, 415)
    walk.equals("a NUL in the query: 400", walk.merchant.get("/refunds", x="\0").status_code, 400)


def erasure(walk: Walk) -> None:
    """Cards are detached, customers erased; the payments stay."""
    api = walk.merchant
    token, customer = walk.remembered["card"], walk.remembered["customer"]
    detached = walk.answer(api.post(f"/payment_methods/{token}/detach"))
    walk.equals("the card is detached", detached["is_active"], False)
    body = {"amount": 100, "currency": walk.currency, "payment_method": token}
    walk.refused("and not charged", api.post("/transactions", body), 400, "parameter_invalid")
    walk.answer(api.http.delete(f"/v1/customers/{customer}"))
    erased = walk.answer(api.get(f"/customers/{customer}"))
    walk.equals(
        "the customer is erased: no name, no e-mail, no phone",
        (erased["is_active"], erased["name"], erased["email"], erased["phone"]),
        (False, None, None, None),
    )
    walk.equals("what was paid stays", walk.transaction(walk.remembered["paid"])["amount"], 4_200)


def console_and_docs(walk: Walk) -> None:
    """What a person opens: the console, the API's page, the probes."""
    for path in ("/healthz", "/readyz", "/docs"):
        response = httpx.get(f"{walk.base_url}{path}", follow_redirects=True)
        walk.equals(path, response.status_code, 200)
    schema = httpx.get(f"{walk.base_url}/v1/openapi.json")
    version = schema.json().get("openapi", "") if schema.is_success else schema.status_code
    walk.holds(f"/v1/openapi.json is OpenAPI {version}", str(version).startswith("3.1"))
    with httpx.Client(base_url=walk.base_url, follow_redirects=True, timeout=30) as browser:
        browser.get("/admin/login/")
        login = {
            "username": walk.credentials["admin_username"],
            "password": walk.credentials["admin_password"],
            "csrfmiddlewaretoken": browser.cookies.get("csrftoken", ""),
            "next": "/admin/",
        }
        signed_in = browser.post("/admin/login/", data=login, headers={"Referer": walk.base_url})
        walk.equals("staff sign in to the console", signed_in.url.path, "/admin/")
        page = browser.get(f"/admin/transactions/transaction/{walk.remembered['paid']}/change/")
        walk.holds(
            "and see the payment there",
            page.status_code == 200 and walk.remembered["paid"] in page.text,
            found=page.status_code,
        )
