#!/usr/bin/env python3
"""Check who imports whom, as .importlinter has it, whether our packages are installed or not."""

from __future__ import annotations

import sys
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Let import-linter look at the sources of all packages."""
    sys.path[:0] = [str(path) for path in sorted(ROOT.glob("packages/*/src"))]
    status = lint_imports(
        config_filename=str(ROOT / ".importlinter"),
        cache_dir=str(ROOT / ".cache" / "imports"),
        no_logo=True,
    )
    return 0 if status == EXIT_STATUS_SUCCESS else 1


if __name__ == "__main__":
    sys.exit(main())
