"""How AWS is called, and over which connections anybody is."""
