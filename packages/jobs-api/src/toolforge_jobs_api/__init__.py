"""The jobs API of Toolforge: one-off, scheduled and continuous jobs."""

__version__ = "0.1.0"
