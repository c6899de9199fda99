"""More than one process, and more data than memory."""
