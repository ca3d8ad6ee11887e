"""Every shape the database has had, one step a file under `versions/`."""
