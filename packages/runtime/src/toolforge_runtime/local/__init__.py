"""The runtime on this machine: SQLite records, folders as tenants, pods in bubblewrap."""
