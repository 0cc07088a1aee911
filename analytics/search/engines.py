"""What the engines are called, for people."""

from analytics.search.query import ELASTICSEARCH, POSTGRESQL

ENGINE_NAMES = {ELASTICSEARCH: "Elasticsearch", POSTGRESQL: "PostgreSQL"}
