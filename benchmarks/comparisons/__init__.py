"""Comparisons of ours with the peers, each a task of `benchmarks.speed`."""
