-- Makes the two roles and the database. Run once by a superuser, before the first migration:
--   psql -v database=payments -v owner_password=... -v app_password=... -f provision.sql
-- payments_owner owns the schema and migrates; payments_app runs the product and has no DDL.
-- The role's settings hold behind PgBouncer too, where a session can't set its own.
SELECT 'CREATE ROLE payments_owner LOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'payments_owner') \gexec
SELECT 'CREATE ROLE payments_app LOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'payments_app') \gexec
ALTER ROLE payments_owner PASSWORD :'owner_password';
ALTER ROLE payments_app PASSWORD :'app_password';

ALTER ROLE payments_owner SET timezone = 'UTC';
ALTER ROLE payments_app SET timezone = 'UTC';
-- No statement of the product runs this long; reports on purpose raise it for their transaction.
ALTER ROLE payments_app SET statement_timeout = '15s';
ALTER ROLE payments_app SET lock_timeout = '5s';
ALTER ROLE payments_app SET idle_in_transaction_session_timeout = '15s';
-- A long transaction makes every event reader rescan from its id.
ALTER ROLE payments_app SET transaction_timeout = '60s';

SELECT format('CREATE DATABASE %I OWNER payments_owner', :'database')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO payments_app;
