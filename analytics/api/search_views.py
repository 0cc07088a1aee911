"""Searching transactions over HTTP."""

from dataclasses import replace
from typing import Any, ClassVar

from rest_framework.request import Request

from analytics.api.search_bodies import FacetValue, SearchParameters, SearchResultObject
from analytics.search.pages import read_token, write_token
from analytics.search.search import search_payments
from merchants.access import get_customer
from payments_project.api.openapi import Operation
from payments_project.api.views import ApiView
from transactions.access import transactions_of
from transactions.api.objects import transaction_object
from vault.access import get_payment_method


class SearchTransactionsView(ApiView):
    """``/v1/search/transactions``."""

    operations: ClassVar[dict[str, Operation]] = {
        "GET": Operation({200: SearchResultObject}, query=SearchParameters),
    }

    permissions_required: ClassVar[dict[str, str]] = {"GET": "transactions:read"}

    def get(self, request: Request) -> Any:
        """Finds transactions by words and filters, and counts them.

        Elasticsearch answers where there is one, and PostgreSQL where it is away or behind:
        `engine` says which, and both find the same. For every page after the first give
        `next_page` as `page`, and the same parameters with it.
        """
        asked = self.query(SearchParameters)
        if asked.customer is not None:
            get_customer(scope=self.scope, customer_id=asked.customer, param="customer")
        if asked.payment_method is not None:
            get_payment_method(scope=self.scope, token=asked.payment_method, param="payment_method")
        query, after, snapshot = asked.search_query(), None, None
        if asked.page is not None:
            token = read_token(self.scope, asked.asked(), asked.page)
            after, snapshot = token.after, token.snapshot
            query = replace(query, with_typos=token.with_typos)
        found = search_payments(self.scope, query, after=after, snapshot=snapshot)
        # Whatever an engine says, only the caller's own are read.
        rows = transactions_of(self.scope).in_bulk([place.id for place in found.places])
        answer = SearchResultObject(
            data=[transaction_object(rows[place.id]) for place in found.places if place.id in rows],
            has_more=found.has_more,
            next_page=write_token(self.scope, asked.asked(), found) if found.has_more else None,
            total=found.total,
            total_is_exact=found.is_total_exact,
            facets={
                name: [FacetValue(value=value, count=count) for value, count in values]
                for name, values in found.facets.items()
            },
            engine=found.engine,
            indexed_up_to=found.reached_at,
        )
        return self.expanded(answer)
