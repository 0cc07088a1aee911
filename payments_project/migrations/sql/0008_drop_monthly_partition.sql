-- Drops an old month of a table whose months may go (monthly_tables.is_dropped): true if it is gone.
-- False, and nothing done, while a reader of the log has still to take a row of it. How long months
-- are kept is the caller's; whatever the caller says, the last two whole months stay.
-- The application role has no DDL, hence SECURITY DEFINER, as create_monthly_partition is.
CREATE FUNCTION drop_monthly_partition(table_name text, start_date date) RETURNS boolean
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    month_start date := date_trunc('month', start_date)::date;
    partition_name text := table_name || '_' || to_char(start_date, 'YYYY_MM');
    attempts_left integer := 20;
    is_unread boolean;
    reader record;
    callers_lock_timeout text := current_setting('lock_timeout');
BEGIN
    IF NOT EXISTS (SELECT 1 FROM monthly_tables AS known
                    WHERE known.table_name = drop_monthly_partition.table_name
                      AND known.is_dropped) THEN
        RAISE EXCEPTION 'months of "%" are not dropped', table_name
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF month_start >= date_trunc('month', now()) - interval '2 months' THEN
        RAISE EXCEPTION 'the month % is too young to be dropped', month_start
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass(quote_ident(partition_name)) IS NULL THEN
        RETURN true;
    END IF;
    FOR reader IN SELECT snapshot, system_identifier FROM event_cursors
                   WHERE reads = drop_monthly_partition.table_name
    LOOP
        IF reader.system_identifier <> (SELECT system_identifier FROM pg_control_system()) THEN
            RETURN false;
        END IF;
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE xid >= pg_snapshot_xmin($1)'
                       ' AND NOT pg_visible_in_snapshot(xid, $1))', partition_name)
           INTO is_unread USING reader.snapshot;
        IF is_unread THEN
            RETURN false;
        END IF;
    END LOOP;
    LOOP
        BEGIN
            -- Dropping locks the table for a moment; whoever waits for that lock holds up others.
            PERFORM set_config('lock_timeout', '500ms', true);
            EXECUTE format('DROP TABLE %I', partition_name);
            PERFORM set_config('lock_timeout', callers_lock_timeout, true);
            RETURN true;
        EXCEPTION WHEN lock_not_available THEN
            attempts_left := attempts_left - 1;
            IF attempts_left = 0 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(random() * 0.2);
        END;
    END LOOP;
END;
$$;
