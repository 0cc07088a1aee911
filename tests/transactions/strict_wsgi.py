"""The product's application as in production in one thing: the simulator answers no live key."""

from payments_project.wsgi import application  # isort: skip (it sets Django up)
from django.conf import settings

settings.SIMULATOR_ANSWERS_LIVE = False

__all__ = ["application"]
