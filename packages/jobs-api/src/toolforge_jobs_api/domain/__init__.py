"""What a job is, and what its rules are; no HTTP, no Kubernetes."""
