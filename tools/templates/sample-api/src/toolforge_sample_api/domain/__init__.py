"""What an item is, and what its rules are; no HTTP, no Kubernetes."""
