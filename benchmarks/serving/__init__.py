"""What serving costs: every estimator by itself, and the server of ``examples/serve``."""
