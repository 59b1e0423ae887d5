"""Images: from any spelling that people use to the image that it means."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Iterable, Mapping

from toolforge_common.errors import InvalidRequest
from toolforge_runtime.ports import Image

STABLE = "stable"
UNKNOWN = "unknown"

_PROJECT = re.compile(r"tool-[a-z0-9-]+")


class ImageKind(enum.Enum):
    """Where an image comes from, which decides on defaults."""

    STANDARD = "standard"
    BUILD_SERVICE = "buildservice"


@dataclasses.dataclass(frozen=True, slots=True)
class JobImage:
    """The image of a job. One that is not there has the state `unknown`, and cannot be started."""

    name: str
    reference: str
    kind: ImageKind = ImageKind.STANDARD
    state: str = STABLE
    substitute: str = ""
    exists: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class ImageReference:
    """A spelling, taken apart: `host/tool-x/name:tag@digest`, all but the name optional."""

    name: str
    host: str = ""
    project: str = ""
    tag: str = ""
    digest: str = ""


class Catalogue:
    """The images that a runtime has, found by short name, alias, path or full reference."""

    def __init__(self, images: Iterable[Image]) -> None:
        self._images = tuple(images)
        # What comes later goes before: no alias hides another image's own name.
        self._by_name: Mapping[str, Image] = {
            **{alias: image for image in self._images for alias in image.aliases},
            **{parse_reference(image.reference).name: image for image in self._images},
            **{image.name: image for image in self._images},
        }

    def advertised(self) -> list[Image]:
        """Return the images to choose from, by name."""
        stable = (image for image in self._images if image.state == STABLE)
        return sorted(stable, key=lambda image: image.name)

    def find(self, text: str) -> JobImage:
        """Return what the text means; an image that does not exist if it means none."""
        wanted = parse_reference(text)
        image = self._by_name.get(wanted.name)
        if image is None or wanted.project or wanted.digest or not _agrees(wanted, image):
            kind = ImageKind.BUILD_SERVICE if wanted.project else ImageKind.STANDARD
            return JobImage(text, text, kind, UNKNOWN, exists=False)
        return JobImage(image.name, image.reference, state=image.state, substitute=image.substitute)

    def require(self, text: str) -> JobImage:
        """Return what the text means. Raises InvalidRequest if it means no image."""
        image = self.find(text)
        if not image.exists:
            raise InvalidRequest(
                f"no such image '{image.reference}'",
                hint="toolforge jobs images lists what there is",
            )
        return image


def parse_reference(text: str) -> ImageReference:
    """Take a spelling apart. What is not there is empty."""
    rest, _, digest = text.partition("@")
    parts = rest.split("/")
    # A host has a dot, or it would be told from a path by nothing.
    host = parts.pop(0) if len(parts) > 1 and "." in parts[0] else ""
    project = parts.pop(0) if len(parts) > 1 and _PROJECT.fullmatch(parts[0]) else ""
    name, _, tag = "/".join(parts).partition(":")
    return ImageReference(name, host, project, tag, digest)


def _agrees(wanted: ImageReference, image: Image) -> bool:
    is_at = parse_reference(image.reference)
    return wanted.host in {"", is_at.host} and wanted.tag in {"", is_at.tag}
