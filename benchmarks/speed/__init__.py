"""Time and memory of skrec alone; ``benchmarks.peers`` measures with the same tools."""
