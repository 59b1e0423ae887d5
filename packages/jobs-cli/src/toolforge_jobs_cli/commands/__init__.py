"""One module per command: options, constructor, run."""
