"""Migration operations: SQL kept in files, and tables partitioned by month."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import CreateModel, RunPython, RunSQL
from django.db.migrations.state import ProjectState, StateApps


class RunSQLFile(RunSQL):
    """Runs ``NAME.sql``, and ``NAME.reverse.sql`` backwards, from ``migrations/sql`` of an app.

    ``migration_file`` is the migration's ``__file__``.
    """

    def __init__(self, migration_file: str, name: str, **options: Any) -> None:
        folder = Path(migration_file).parent / "sql"
        super().__init__(
            sql=(folder / f"{name}.sql").read_text(),
            reverse_sql=(folder / f"{name}.reverse.sql").read_text(),
            **options,
        )
        self.name = name

    def describe(self) -> str:
        return f"Run SQL file {self.name}.sql"


class CreateMonthlyModel(CreateModel):
    """``CreateModel`` for a table that is ``PARTITION BY RANGE (id)``, its ids being UUIDv7.

    It has no partitions yet: register the table (``register_monthly_table`` in SQL), then the
    months are made by ``create_monthly_partition``.
    """

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        editor: Any = schema_editor
        plain = editor.sql_create_table
        editor.sql_create_table = f"{plain} PARTITION BY RANGE (id)"
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            editor.sql_create_table = plain


class GrantApplicationRole(RunSQL):
    """Gives the application role its rights on what is there and on what later migrations make.

    No DDL. Append-only tables take UPDATE and DELETE away again (``revoke_changes``). Where one
    role owns and runs (no ``DATABASE_APP_ROLE`` in the server), nothing is granted.
    """

    def __init__(self) -> None:
        super().__init__(sql=RunSQL.noop, reverse_sql=RunSQL.noop)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        role = application_role(schema_editor)
        if role is None:
            return
        for statement in (
            "GRANT USAGE ON SCHEMA public TO {role}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
            "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public"
            " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
            "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO {role}",
        ):
            schema_editor.execute(statement.format(role=role))

    def describe(self) -> str:
        return "Grant the application role its rights"


class MakeAppendOnly(RunSQL):
    """Takes UPDATE, DELETE and TRUNCATE on a table away from the application role."""

    def __init__(self, table: str) -> None:
        super().__init__(sql=RunSQL.noop, reverse_sql=RunSQL.noop)
        self.table = table

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        role = application_role(schema_editor)
        if role is not None:
            table = schema_editor.quote_name(self.table)
            schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")

    def describe(self) -> str:
        return f"Make {self.table} append-only for the application role"


class GrantMaintain(RunSQL):
    """Lets the application role refresh a materialized view."""

    def __init__(self, view: str) -> None:
        super().__init__(sql=RunSQL.noop, reverse_sql=RunSQL.noop)
        self.view = view

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        role = application_role(schema_editor)
        if role is not None:
            view = schema_editor.quote_name(self.view)
            schema_editor.execute(f"GRANT SELECT, MAINTAIN ON {view} TO {role}")

    def describe(self) -> str:
        return f"Let the application role refresh {self.view}"


class MakeReadOnly(RunSQL):
    """Takes every change of a table away from the application role: rules are not its to change."""

    def __init__(self, table: str) -> None:
        super().__init__(sql=RunSQL.noop, reverse_sql=RunSQL.noop)
        self.table = table

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        role = application_role(schema_editor)
        if role is not None:
            table = schema_editor.quote_name(self.table)
            schema_editor.execute(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {table} FROM {role}")

    def describe(self) -> str:
        return f"Make {self.table} read-only for the application role"


class SetRoles(RunPython):
    """Gives staff's roles their rights: groups by name, with exactly these ``app.codename``s.

    Rights are rows that Django makes after all migrations; those that are named here are made now.
    A role that is there keeps its members. Backwards the roles stay as they are: people have them.
    """

    def __init__(self, roles: dict[str, list[str]]) -> None:
        super().__init__(self._set, RunPython.noop)
        self.roles = roles

    def _set(self, apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
        using = schema_editor.connection.alias
        for app_config in apps.get_app_configs():
            # Of a historical app Django makes rights only where it says that it has models.
            app_config.models_module = True  # type: ignore[assignment]
            create_permissions(app_config, apps=apps, verbosity=0, using=using)
            app_config.models_module = None
        group, permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
        for name, rights in self.roles.items():
            role, _ = group.objects.using(using).get_or_create(name=name)
            found = [
                permission.objects.using(using).get(
                    content_type__app_label=right.partition(".")[0],
                    codename=right.partition(".")[2],
                )
                for right in rights
            ]
            role.permissions.set(found)

    def describe(self) -> str:
        return f"Give {', '.join(self.roles)} their rights"


class AddForeignKey(RunSQL):
    """A foreign key as the source design has it: PostgreSQL's name, checked with the statement.

    Django's own (``db_constraint``) has a name with a hash and waits for the commit.
    """

    def __init__(self, table: str, column: str, references: str, *, on_delete: str = "") -> None:
        name = f"{table}_{column}_fkey"
        action = f" ON DELETE {on_delete}" if on_delete else ""
        super().__init__(
            sql=f"ALTER TABLE {table} ADD CONSTRAINT {name}"
            f" FOREIGN KEY ({column}) REFERENCES {references} (id){action}",
            reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        self.name = name

    def describe(self) -> str:
        return f"Add foreign key {self.name}"


class RegisterMonthlyTable(RunSQL):
    """Lets ``create_monthly_partition`` make partitions of a table, and, with ``is_dropped``,
    ``drop_monthly_partition`` drop its old ones."""

    def __init__(self, table: str, *, is_dropped: bool = False) -> None:
        insert: tuple[str, list[str]] = (
            "INSERT INTO monthly_tables (table_name) VALUES (%s)",
            [table],
        )
        if is_dropped:
            # The column came later than the first tables.
            insert = (
                "INSERT INTO monthly_tables (table_name, is_dropped) VALUES (%s, true)",
                [table],
            )
        super().__init__(
            sql=[insert],
            reverse_sql=[("DELETE FROM monthly_tables WHERE table_name = %s", [table])],
        )
        self.table = table

    def describe(self) -> str:
        return f"Register {self.table} as a monthly table"


class StatusMachine(RunSQL):
    """Writes a machine's transitions and has a trigger enforce them on ``table.status``.

    ``transitions`` maps a status to those that may follow; ``""`` holds the first states.
    """

    def __init__(
        self, *, machine: str, table: str, transitions: dict[str, tuple[str, ...]]
    ) -> None:
        moves = [(machine, start, end) for start, ends in transitions.items() for end in ends]
        insert = (
            "INSERT INTO status_transitions (machine, from_status, to_status) VALUES (%s, %s, %s)"
        )
        trigger = f"enforce_{machine}_status"
        super().__init__(
            sql=[
                *((insert, list(move)) for move in moves),
                f"CREATE TRIGGER {trigger} AFTER INSERT OR UPDATE OF status ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION enforce_status_transition('{machine}')",
            ],
            reverse_sql=[
                f"DROP TRIGGER {trigger} ON {table}",
                ("DELETE FROM status_transitions WHERE machine = %s", [machine]),
            ],
        )
        self.machine = machine

    def describe(self) -> str:
        return f"Enforce the status transitions of {self.machine}"


def application_role(schema_editor: BaseDatabaseSchemaEditor) -> str | None:
    """The application role's quoted name, or None if it is absent or the one that migrates."""
    name = settings.DATABASE_APP_ROLE
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_roles WHERE rolname = %s AND rolname <> current_user", [name]
        )
        return schema_editor.quote_name(name) if cursor.fetchone() else None
