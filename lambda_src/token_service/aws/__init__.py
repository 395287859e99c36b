"""How AWS is called."""
