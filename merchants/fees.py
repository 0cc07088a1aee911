"""Fees: a percentage and a fixed amount, by currency and card brand.

``fee_structure`` on a merchant holds::

    {
        "percent_bps": 290,
        "percents": {"EUR": 190},
        "fixed": {"USD": 30},
        "brands": {"amex": {"percent_bps": 350, "fixed": {"USD": 30}}},
        "dispute": {"USD": 1500},
        "dispute_fee_returned": true,
    }

``percent_bps`` is in hundredths of a percent, ``percents`` the same for currencies that have one of
their own; amounts are in minor units. A currency without a fixed amount pays the percentage alone.
A brand with a rate of its own has all of it from there. The fee of a dispute is taken with it, and
given back when it is won unless ``dispute_fee_returned`` is false.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

BASIS_POINTS = 10_000

MinorUnits = Annotated[int, Field(ge=0)]
BasisPoints = Annotated[int, Field(ge=0, le=BASIS_POINTS)]


class Rate(BaseModel):
    """A percentage and a fixed amount per currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    percent_bps: BasisPoints = 0
    percents: dict[str, BasisPoints] = Field(default_factory=dict)
    fixed: dict[str, MinorUnits] = Field(default_factory=dict)

    def fee(self, *, amount: int, currency: str) -> int:
        """The fee on ``amount``, rounded half up, never above the amount; minor units."""
        bps = self.percents.get(currency, self.percent_bps)
        percentage = (amount * bps * 2 + BASIS_POINTS) // (2 * BASIS_POINTS)
        return min(percentage + self.fixed.get(currency, 0), amount)


class FeeStructure(Rate):
    """A merchant's fees: the rate of every brand without one of its own, and what a dispute costs."""

    brands: dict[str, Rate] = Field(default_factory=dict)
    dispute: dict[str, MinorUnits] = Field(default_factory=dict)
    dispute_fee_returned: bool = True

    def rate_for(self, brand: str | None) -> Rate:
        """The rate of a card brand."""
        return self.brands.get(brand or "", self)
