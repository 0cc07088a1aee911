-- The least UUIDv7 of a millisecond: where a range over ids begins.
-- A month's partition runs from the floor of its first millisecond to the floor of the next month's.
CREATE FUNCTION uuidv7_floor(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0')
    || '70008000000000000000'
)::uuid;
