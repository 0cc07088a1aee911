DROP FUNCTION cursor_snapshot(text);
