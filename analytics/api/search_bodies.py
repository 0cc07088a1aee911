"""What the search takes and answers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from analytics.search.pages import LENGTH_MAX
from analytics.search.query import (
    ASKED_WORDS_MAX,
    FACETS,
    SORTS,
    TEXT_LENGTH_MAX,
    Range,
    SearchQuery,
)
from analytics.search.words import asked_words
from payments_project.api.bodies import FreeText
from payments_project.api.objects import ApiObject, Time
from payments_project.api.query import Query, QueryInteger
from transactions.api.bodies import TransactionFilters
from transactions.api.objects import TransactionObject


def _facets(text: str) -> str:
    unknown = [name for name in text.split(",") if name not in FACETS]
    if unknown:
        raise PydanticCustomError(
            "facets", "Must be names out of {names}, with commas.", {"names": ", ".join(FACETS)}
        )
    return text


def _few_words(text: str) -> str:
    if len(asked_words(text)) > ASKED_WORDS_MAX:
        raise PydanticCustomError(
            "words", "Must have at most {most} words.", {"most": ASKED_WORDS_MAX}
        )
    return text


class SearchParameters(Query, TransactionFilters):
    """``GET /v1/search/transactions``."""

    q: Annotated[FreeText, Field(max_length=TEXT_LENGTH_MAX), AfterValidator(_few_words)] | None = (
        Field(
            None,
            description=(
                "Words, all of which must be in the description, the customer's e-mail address, the"
                " metadata's values, the card's last four digits, the gateway's id or the ids of"
                " transaction and customer. A word's beginning finds it too, from three characters on;"
                " where nothing is found so, words that are a letter or two apart do."
            ),
        )
    )
    brand: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    gateway: Annotated[str, Field(min_length=1, max_length=50)] | None = None
    last_four: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = Field(
        None, description="The last four digits of the card."
    )
    facets: Annotated[str, AfterValidator(_facets)] | None = Field(
        None,
        description=(
            f"Which counts to give, with commas: {', '.join(f'`{name}`' for name in FACETS)}."
        ),
    )
    sort: Literal[SORTS] = Field(  # type: ignore[valid-type]
        "-created_at", description="The order; `-` is downwards, the newest or largest first."
    )
    limit: Annotated[QueryInteger, Field(ge=1, le=100)] = 10
    page: Annotated[str, Field(min_length=1, max_length=LENGTH_MAX)] | None = Field(
        None, description="`next_page` of the page before; everything else as it was there."
    )

    def asked(self) -> dict[str, Any]:
        """All that a next page must have in common with this one."""
        return self.model_dump(exclude={"page", "limit", "expand", "facets"}, exclude_none=True)

    def search_query(self) -> SearchQuery:
        """The parameters as what is searched for."""
        equal = {
            "status": self.status,
            "customer_id": self.customer,
            "payment_method_token": self.payment_method,
            "currency": self.currency,
            "brand": self.brand,
            "gateway_name": self.gateway,
            "last_four": self.last_four,
        }
        ids = self.id_filters()
        return SearchQuery(
            words=None if self.q is None else asked_words(self.q),
            equal={name: value for name, value in equal.items() if value is not None},
            amount=self._amounts(),
            created=Range(ids.get("pk__gte"), ids.get("pk__lt")),
            sort=self.sort,
            limit=self.limit,
            facets=tuple(dict.fromkeys(self.facets.split(","))) if self.facets else (),
        )

    def _amounts(self) -> Range:
        least = [self.amount, self.amount_gte]
        if self.amount_gt is not None:
            least.append(self.amount_gt + 1)
        most = [self.amount, self.amount_lte]
        if self.amount_lt is not None:
            most.append(self.amount_lt - 1)
        lower = max((end for end in least if end is not None), default=None)
        upper = min((end for end in most if end is not None), default=None)
        return Range(lower, None if upper is None else upper + 1)


class FacetValue(ApiObject):
    """One value and how many of the transactions found have it. Of `amount` the value is the lower
    end of a range, in the smallest unit, which ends where the next one begins: 0, 100, 200, 500,
    1000 and so on."""

    value: str | int
    count: int


class SearchResultObject(ApiObject):
    """A page of transactions, and counts of all that were found.

    The transactions are as they are now. What they were found by may be a little older:
    `indexed_up_to` is when all of it was known last. PostgreSQL counts up to 20,000 of them, the
    newest; `total_is_exact` says whether there are more.
    """

    object: Literal["search_result"] = "search_result"
    data: list[TransactionObject]
    has_more: bool
    next_page: str | None
    total: int
    total_is_exact: bool
    facets: dict[str, list[FacetValue]]
    engine: Literal["elasticsearch", "postgresql"]
    indexed_up_to: Time | None
