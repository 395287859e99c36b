"""`doctor`: looks at the whole path from a login to a sync, and says what is wrong."""
