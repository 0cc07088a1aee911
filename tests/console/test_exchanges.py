"""What was said between us and the gateway, on the payment's page."""

from django.db import connection, transaction

from tests.api_client import Api
from tests.console.test_pages import page_of
from tests.gateway_messages import deliver_gateway_messages


def test_a_payments_page_shows_each_call_and_each_message(superuser, staff_with, api: Api):
    held = api.paid("4000000000006033", amount=700, capture=False)["id"]
    assert api.post(f"/v1/transactions/{held}/capture").status_code == 200
    deliver_gateway_messages()

    page = page_of("transactions.transaction", held)
    text = superuser.get(page).content.decode()

    panel = text.partition("Gateway exchanges: simulator")[2].partition("</section>")[0]
    told = [panel.index(words) for words in ("charge →", "capture →", "← charge succeeded")]
    assert told == sorted(told)
    assert "transaction is succeeded" in panel
    without = staff_with("transactions.view_transaction", "transactions.view_gatewayoperation")
    assert "← charge succeeded" not in without.get(page).content.decode()


def test_messages_of_a_payment_are_found_by_their_index(api: Api):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM gateway_callbacks WHERE (payload -> 'charge') = %s::jsonb",
            ['"x"'],
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "idx_gateway_callbacks_charge" in plan
