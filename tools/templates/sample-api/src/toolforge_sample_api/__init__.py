"""The sample API of Toolforge: items that a tool keeps."""

__version__ = "0.1.0"
