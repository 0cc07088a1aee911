"""The Celery application: ``celery -A payments_project.celery worker``."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payments_project.settings.local")

app = Celery("payments_project", task_cls="payments_project.jobs.task:RecordedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
