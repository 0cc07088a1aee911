-- A reader's cursor: the snapshot of what it has seen. Only of this cluster's transaction ids: after
-- a logical restore, or pg_upgrade, another cluster's would be compared with them, and rows would be
-- missed without a word. SQLSTATE PC001 is ours (docs/database.md, "After a logical restore").
CREATE FUNCTION cursor_snapshot(cursor_name text) RETURNS pg_snapshot
LANGUAGE plpgsql STABLE STRICT
SET search_path = public, pg_temp
AS $$
DECLARE
    found event_cursors%ROWTYPE;
BEGIN
    SELECT * INTO STRICT found FROM event_cursors WHERE name = cursor_name;
    IF found.system_identifier <> (SELECT system_identifier FROM pg_control_system()) THEN
        RAISE EXCEPTION 'the cursor % is of another cluster', cursor_name
            USING ERRCODE = 'PC001', HINT = 'Run: ./manage.py rebase_event_cursors';
    END IF;
    RETURN found.snapshot;
END
$$;
