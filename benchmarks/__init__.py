"""Benchmarks, run from the checkout: ``python -m benchmarks`` lists the commands."""
