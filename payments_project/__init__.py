"""The project: settings and URLs, and the ground that all apps share.

Nothing here imports an app; the apps are named as strings only (see docs/architecture.md).
"""

from payments_project.celery import app as celery_app

__all__ = ["celery_app"]
