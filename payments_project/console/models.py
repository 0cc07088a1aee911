"""What the console itself remembers: filters that staff have named, and forms that were sent."""

from django.conf import settings
from django.db import models

from payments_project.database.fields import TransactionTime
from payments_project.database.models import Identified

NAME_CHARACTERS_MAX = 60
QUERY_CHARACTERS_MAX = 2_000


class SavedFilter(Identified):
    """A list's filters under a name: its owner's, or everybody's who may view the list.

    ``list_label`` is the model's ``app.model`` and ``query`` the address's query of that list,
    checked by ``console.saved_filters`` before it is stored.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="saved_filters"
    )
    list_label = models.CharField(max_length=100)
    name = models.CharField(max_length=NAME_CHARACTERS_MAX)
    query = models.CharField(max_length=QUERY_CHARACTERS_MAX)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        app_label = "payments_project"
        db_table = "saved_filters"
        # Who may view a list may save its filters; taking its rows away is another matter.
        default_permissions = ()
        permissions = [("export_list", "Can export the lists that they may view")]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "list_label", "name"], name="saved_filters_once"
            )
        ]
        indexes = [models.Index(fields=["list_label", "name"], name="idx_saved_filters_list")]

    def __str__(self) -> str:
        return self.name


class UsedFormToken(models.Model):
    """A form that was sent: its token is taken once, whatever became of the form."""

    token = models.CharField(max_length=40, primary_key=True)
    used_at = models.DateTimeField(db_default=TransactionTime())

    class Meta:
        app_label = "payments_project"
        db_table = "used_form_tokens"
        default_permissions = ()

    def __str__(self) -> str:
        return self.token
