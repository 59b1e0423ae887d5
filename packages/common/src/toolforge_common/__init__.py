"""What every Toolforge package shares: errors, names, quantities, identity, API and CLI glue."""

__version__ = "0.1.0"
