"""What a service counts about itself, in the words of Prometheus."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

# Flask writes the charset itself.
CONTENT_TYPE = CONTENT_TYPE_LATEST.partition("; charset")[0]


class Metrics:
    """Counters of one service; each service has a registry of its own, also when several share a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "toolforge_http_requests",
            "Requests answered.",
            ["operation", "method", "status"],
            registry=self.registry,
        )
        self._duration = Histogram(
            "toolforge_http_request_duration_seconds",
            "Time from a request to the end of its answer.",
            ["operation"],
            registry=self.registry,
        )
        self.open_streams = Gauge(
            "toolforge_http_open_streams", "Streams being followed.", registry=self.registry
        )

    def answered(self, operation: str, method: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(operation, method, str(status)).inc()
        self._duration.labels(operation).observe(seconds)

    def exposition(self) -> bytes:
        """Return all numbers, as Prometheus reads them."""
        return generate_latest(self.registry)
