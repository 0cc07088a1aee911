-- The source design's function, under its name and arguments, made safe to call at any time:
-- * only tables registered in monthly_tables, names quoted, any date of the month;
-- * idempotent, and serialised per table by an advisory lock (IF NOT EXISTS alone races);
-- * the month is built beside the table and then attached: CREATE TABLE ... PARTITION OF would
--   take ACCESS EXCLUSIVE on the parent and stop every payment, ATTACH does not;
-- * the CHECK on created_at lets the planner prune by created_at, which is not the key.
CREATE FUNCTION create_monthly_partition(table_name text, start_date date) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    month_start date := date_trunc('month', start_date)::date;
    month_end date := (date_trunc('month', start_date) + interval '1 month')::date;
    partition_name text := table_name || '_' || to_char(start_date, 'YYYY_MM');
    attempts_left integer := 20;
    grantee text;
    privileges text;
    callers_lock_timeout text := current_setting('lock_timeout');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM monthly_tables AS known
                    WHERE known.table_name = create_monthly_partition.table_name) THEN
        RAISE EXCEPTION 'table "%" is not a monthly table', table_name
            USING ERRCODE = 'undefined_table';
    END IF;
    IF to_regclass(quote_ident(partition_name)) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('create_monthly_partition ' || table_name, 0));
    -- The table's lock, which ATTACH takes anyway, is what makes this session notice a partition
    -- that another one made while we waited; an advisory lock does not.
    EXECUTE format('LOCK TABLE ONLY %I IN SHARE UPDATE EXCLUSIVE MODE', table_name);
    IF to_regclass(quote_ident(partition_name)) IS NOT NULL THEN
        RETURN;
    END IF;

    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING IDENTITY)',
                   partition_name, table_name);
    -- The partition's rights are its table's: a statement may name the month that it needs, and
    -- an append-only table is append-only in its partitions too. Default privileges know neither.
    FOR grantee IN SELECT DISTINCT CASE acl.grantee WHEN 0 THEN 'PUBLIC'
                                        ELSE acl.grantee::regrole::text END
                     FROM pg_class, aclexplode(relacl) AS acl
                    WHERE oid = quote_ident(partition_name)::regclass AND acl.grantee <> relowner
    LOOP
        EXECUTE format('REVOKE ALL ON %I FROM %s', partition_name, grantee);
    END LOOP;
    FOR grantee, privileges IN SELECT acl.grantee::regrole::text,
                                      string_agg(acl.privilege_type, ', ')
                                 FROM pg_class, aclexplode(relacl) AS acl
                                WHERE oid = quote_ident(create_monthly_partition.table_name)::regclass
                                  AND acl.grantee NOT IN (0, relowner)
                                GROUP BY acl.grantee
    LOOP
        EXECUTE format('GRANT %s ON %I TO %s', privileges, partition_name, grantee);
    END LOOP;
    EXECUTE format(
        'ALTER TABLE %I ADD CONSTRAINT %I CHECK (created_at >= %L AND created_at < %L)',
        partition_name, partition_name || '_month',
        month_start::timestamptz, month_end::timestamptz);

    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '500ms', true);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           table_name, partition_name,
                           uuidv7_floor(month_start), uuidv7_floor(month_end));
            PERFORM set_config('lock_timeout', callers_lock_timeout, true);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            -- Waiting longer would queue everyone else behind us; step aside, then try again.
            attempts_left := attempts_left - 1;
            IF attempts_left = 0 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(random() * 0.2);
        END;
    END LOOP;
END;
$$;

-- How many months after the given one every monthly table has, without a gap; -1 without even that.
CREATE FUNCTION monthly_partitions_ahead(this_month date) RETURNS integer
LANGUAGE sql STABLE
SET search_path = public, pg_temp
AS $$
    SELECT coalesce(min(ahead), -1)::integer
      FROM (SELECT (SELECT count(*)
                      FROM generate_series(0, 36) AS distance
                     WHERE NOT EXISTS (
                         SELECT 1 FROM generate_series(0, distance) AS nearer
                          WHERE to_regclass(quote_ident(
                              known.table_name || '_'
                              || to_char(this_month + make_interval(months => nearer), 'YYYY_MM')
                          )) IS NULL)) - 1 AS ahead
              FROM monthly_tables AS known) AS per_table;
$$;
