-- The source design has the database remove a merchant's keys with it; Django would do it row by row.
ALTER TABLE merchant_api_keys ADD CONSTRAINT merchant_api_keys_merchant_id_fkey
    FOREIGN KEY (merchant_id) REFERENCES merchants (id) ON DELETE CASCADE;
