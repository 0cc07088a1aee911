"""Finding payments: by Elasticsearch, or by PostgreSQL's own full-text index. See docs/search.md."""
