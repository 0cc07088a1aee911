"""A database engine of our own, named in the settings: Django's for PostgreSQL, minding its pool."""
