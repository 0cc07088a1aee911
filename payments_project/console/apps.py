"""The console in Django's place for an admin: ``INSTALLED_APPS`` names this configuration."""

from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """``django.contrib.admin`` with the console's site as its default."""

    default_site = "payments_project.console.site.ConsoleSite"
