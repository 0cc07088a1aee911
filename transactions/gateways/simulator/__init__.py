"""The simulator: a gateway for test keys, with a memory of its own and every outcome on demand."""
