DROP FUNCTION uuidv7_floor(timestamptz);
