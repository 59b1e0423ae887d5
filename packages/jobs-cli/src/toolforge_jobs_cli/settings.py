"""The section `jobs` of the configuration."""

from __future__ import annotations

import os
from typing import NamedTuple

PUBLIC_URL_VARIABLE = "TOOLFORGE_PUBLISH_URL_TEMPLATE"


class JobsSettings(NamedTuple):
    """What the jobs program knows of the configuration.

    `jobs_endpoint` is where the gateway has the jobs service; `timeout` how many seconds an answer may
    take; `publish_url_template` the web address of a tool, with `{tool_name}` in it, for which
    $TOOLFORGE_PUBLISH_URL_TEMPLATE has the last word.
    """

    jobs_endpoint: str = "/jobs/v1"
    timeout: int = 60
    publish_url_template: str = "https://{tool_name}.toolforge.org"

    def public_url(self, tool: str) -> str:
        """Return the web address of the tool, without a slash at its end."""
        template = os.environ.get(PUBLIC_URL_VARIABLE) or self.publish_url_template
        return template.replace("{tool_name}", tool).rstrip("/")
