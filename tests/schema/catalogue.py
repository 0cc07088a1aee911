"""What a database's catalogue says of its objects, as text that two databases can be compared by.

A fact is found under an object's name and a kind: ``("transactions.amount", "type")`` is
``bigint``. What PostgreSQL writes of itself is taken as it is; names and definitions are what is
compared; the order of a table's columns and of the values in a list (``IN``) is not.
"""

import re

import psycopg

# (object, kind) -> what the catalogue says
Catalogue = dict[tuple[str, str], str]

NONE = "none"

# A partition belongs to its table: it has no facts of its own.
_RELATIONS = """
    SELECT c.oid, c.relname,
           CASE c.relkind WHEN 'p' THEN 'table, PARTITION BY ' || pg_get_partkeydef(c.oid)
                          WHEN 'r' THEN 'table' WHEN 'v' THEN 'view'
                          WHEN 'm' THEN 'materialized view' END,
           CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
      FROM pg_class AS c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
       AND NOT c.relispartition
"""

_COLUMNS = """
    SELECT a.attname, format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'NULL' END,
           CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
           CASE WHEN a.attgenerated = 's' THEN 'STORED ' WHEN a.attgenerated = 'v' THEN 'VIRTUAL '
            END || pg_get_expr(d.adbin, d.adrelid)
      FROM pg_attribute AS a
      LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
"""

# NOT NULL is a fact of its column.
_CONSTRAINTS = """
    SELECT conname, pg_get_constraintdef(oid)
      FROM pg_constraint
     WHERE conrelid = %s AND contype <> 'n' AND conparentid = 0
"""

# A constraint's index is a fact of the constraint. ONLY is how a partitioned table's is printed.
_INDEXES = """
    SELECT c.relname, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
      FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
     WHERE i.indrelid = %s
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid
                          AND contype IN ('p', 'u', 'x'))
"""

_TRIGGERS = """
    SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %s AND NOT tgisinternal
"""

_FUNCTIONS = """
    SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ')',
           pg_get_function_result(p.oid), l.lanname,
           concat_ws(' ', CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' END,
                     CASE p.provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' END,
                     CASE WHEN p.proisstrict THEN 'STRICT' END,
                     'SET ' || array_to_string(p.proconfig, ' SET ')),
           coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)
      FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
     WHERE p.pronamespace = 'public'::regnamespace
"""


def read_catalogue(database: psycopg.Connection) -> Catalogue:
    """All facts of the schema ``public``."""
    facts: Catalogue = {}
    for oid, relation, kind, definition in database.execute(_RELATIONS).fetchall():
        facts[relation, "relation"] = kind
        if definition is not None:
            facts[relation, "definition"] = normal(definition)
        facts |= _columns(database, oid, relation)
        for query, fact in (
            (_CONSTRAINTS, "constraint"),
            (_INDEXES, "index"),
            (_TRIGGERS, "trigger"),
        ):
            for name, text in database.execute(query, [oid]).fetchall():
                facts[f"{relation}.{name}", fact] = normal(text)
    return facts | _functions(database)


def normal(text: str) -> str:
    """An expression as it is compared: blanks and the order of the values of a list are equal."""
    return _LIST.sub(_in_order, " ".join(text.split()))


_LIST = re.compile(r"ARRAY\[([^\]]*)\]")


def _in_order(match: re.Match[str]) -> str:
    return f"ARRAY[{', '.join(sorted(match[1].split(', ')))}]"


def _columns(database: psycopg.Connection, oid: int, relation: str) -> Catalogue:
    facts: Catalogue = {}
    for name, type_, nullability, default, generated in database.execute(_COLUMNS, [oid]):
        column = f"{relation}.{name}"
        facts[column, "type"] = type_
        facts[column, "nullability"] = nullability
        facts[column, "default"] = normal(default or NONE)
        facts[column, "generated"] = normal(generated or NONE)
    return facts


def _functions(database: psycopg.Connection) -> Catalogue:
    facts: Catalogue = {}
    for signature, result, language, options, body in database.execute(_FUNCTIONS):
        facts[signature, "returns"] = result
        facts[signature, "language"] = language
        facts[signature, "options"] = options or NONE
        facts[signature, "body"] = normal(body)
    return facts
