"""Benchmarks, run from the checkout: quality on public data, and speed beside peers."""
