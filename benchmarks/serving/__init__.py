"""The server of ``examples/serve``: how fast it answers, and how much memory its workers take."""
