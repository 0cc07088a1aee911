DROP FUNCTION enforce_status_transition();
