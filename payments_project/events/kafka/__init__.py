"""The log in Kafka: topics, the relay that fills them, and consumers of them."""
