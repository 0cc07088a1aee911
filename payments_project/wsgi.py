"""WSGI entry point: ``payments_project.wsgi:application``."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payments_project.settings.local")

application = get_wsgi_application()
