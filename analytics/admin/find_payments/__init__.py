"""Finding a merchant's payments by words, card, amount and day, as support is asked for them."""

from analytics.admin.find_payments.page import find_payments

__all__ = ["find_payments"]
