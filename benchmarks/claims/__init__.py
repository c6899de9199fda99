"""What a paper claims beside its tables, tried out: a command for each."""
