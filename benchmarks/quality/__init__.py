"""How good the systems are: the tables of the papers, settings and comparisons."""
