"""The ports that services use to run workloads and keep records, and their adapters."""

__version__ = "0.1.0"
