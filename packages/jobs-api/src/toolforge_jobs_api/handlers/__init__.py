"""HTTP in, HTTP out: one method per operation. No rules are here, and nothing is caught."""
