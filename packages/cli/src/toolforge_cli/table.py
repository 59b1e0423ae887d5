"""The subcommands that Toolforge itself brings along, known without looking at what is installed.

A name is looked up here before anything else is imported.
"""

from __future__ import annotations

# Name: the module whose function `main(arguments, prog_name)` runs the subcommand and returns the exit
# code, the distribution that brings it, and its one line of help. Common ones come first.
BUILT_IN = {
    "jobs": (
        "toolforge_jobs_cli.main",
        "toolforge-jobs-cli",
        "Run programs: once, on a schedule, or all the time.",
    ),
    "webservice": ("toolforge_webservice_cli.main", "toolforge-webservice-cli", "Run a web site."),
    "build": (
        "toolforge_builds_cli.main",
        "toolforge-builds-cli",
        "Build images from source code.",
    ),
    "envvars": (
        "toolforge_envvars_cli.main",
        "toolforge-envvars-cli",
        "Set environment variables for the tool's programs.",
    ),
    "components": (
        "toolforge_components_cli.main",
        "toolforge-components-cli",
        "Describe a tool in a file and deploy it.",
    ),
    "deploy": (
        "toolforge_components_cli.deploy",
        "toolforge-components-cli",
        "Deploy what the tool's file describes.",
    ),
    "logs": ("toolforge_logs_cli.main", "toolforge-logs-cli", "Read what the tool has written."),
    "auth": ("toolforge_accounts_cli.auth", "toolforge-accounts-cli", "Log in and out."),
    "tools": ("toolforge_accounts_cli.tools", "toolforge-accounts-cli", "Manage your tools."),
    "quota": ("toolforge_accounts_cli.quota", "toolforge-accounts-cli", "See and ask for quota."),
    "dev": ("toolforge_dev.main", "toolforge-dev", "Run Toolforge itself on this machine."),
}
