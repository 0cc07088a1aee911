"""Benchmarks, each run by ``./dev bench NAME``; what each measures is in docs/benchmarks.md."""
