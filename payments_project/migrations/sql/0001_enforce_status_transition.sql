-- Trigger function: a status may only start, and only move, as status_transitions allows.
-- Its argument names the state machine. It runs AFTER the row is written, because a BEFORE trigger
-- sees generated columns as NULL. 23514 with a constraint's name becomes Django's IntegrityError.
CREATE FUNCTION enforce_status_transition() RETURNS trigger
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    previous text := CASE WHEN TG_OP = 'INSERT' THEN '' ELSE OLD.status END;
BEGIN
    IF previous = NEW.status THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM status_transitions
                    WHERE machine = TG_ARGV[0]
                      AND from_status = previous AND to_status = NEW.status) THEN
        RAISE EXCEPTION '%: status can''t go from "%" to "%"', TG_ARGV[0], previous, NEW.status
            USING ERRCODE = 'check_violation',
                  CONSTRAINT = TG_ARGV[0] || '_status_transition',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END;
$$;
