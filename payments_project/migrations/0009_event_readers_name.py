from django.db import migrations


class Migration(migrations.Migration):
    """Staff know cursors as readers."""

    dependencies = [
        ("payments_project", "0008_event_readers"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="eventcursor",
            options={"default_permissions": ("view",), "verbose_name": "event reader"},
        ),
    ]
