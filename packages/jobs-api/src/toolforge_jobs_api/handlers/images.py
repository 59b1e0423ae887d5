"""The images that jobs can run in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolforge_jobs_api.domain.service import JobService
from toolforge_jobs_api.schemas import dump_images


class ImageHandlers:
    """Answers about images."""

    def __init__(self, service: JobService) -> None:
        self._service = service

    def list_images(self, toolname: str) -> Mapping[str, Any]:  # noqa: ARG002  the same for every tool
        """Return the images to choose from."""
        return {"images": dump_images(self._service.images()), "messages": {}}
