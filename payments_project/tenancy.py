"""Whose data an act concerns: one merchant, in one environment."""

from dataclasses import dataclass
from uuid import UUID

LIVE = "live"
TEST = "test"
ENVIRONMENTS = (LIVE, TEST)
ENVIRONMENT_CHOICES = [(name, name) for name in ENVIRONMENTS]


@dataclass(frozen=True, slots=True)
class Scope:
    """One merchant's rows of one environment; every lookup of a tenant's row takes one."""

    merchant_id: UUID
    environment: str
