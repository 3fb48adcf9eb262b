"""What Prometheus reads: requests by address and status, how long they take, and how many jobs there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from sizer.service.storage import StorageError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The measurements of one server."""

    def __init__(self, jobs: Callable[[], Mapping[str, int]]) -> None:
        """Begin to measure.

        Args:
            jobs: returns status -> how many jobs have it.
        """
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_JobCounts(jobs))
        self._requests = Counter("sizer_requests", "Requests answered.", ["route", "status"], registry=self._registry)
        self._seconds = Histogram(
            "sizer_request_seconds",
            "From the first byte to the last.",
            ["route"],
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
            registry=self._registry,
        )
        self.networks = Counter("sizer_networks_counted", "Networks counted by calls.", registry=self._registry)
        self.retries = Counter("sizer_job_retries", "Workers that ended before their job.", registry=self._registry)
        self.streams = Gauge("sizer_event_streams", "Clients that follow a job.", registry=self._registry)
        self._of_route: dict[tuple[str, int], Callable[[float], None]] = {}

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        found = self._of_route.get((route, status))
        if found is None:
            counter, histogram = self._requests.labels(route, str(status)), self._seconds.labels(route)

            def found(taken: float) -> None:
                counter.inc()
                histogram.observe(taken)

            self._of_route[route, status] = found
        found(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _JobCounts(Collector):
    def __init__(self, jobs: Callable[[], Mapping[str, int]]) -> None:
        self._jobs = jobs

    def collect(self) -> list[Metric]:
        family = GaugeMetricFamily("sizer_jobs", "Jobs by status.", labels=["status"])
        try:
            for status, number in self._jobs().items():
                family.add_metric([status], number)
        except StorageError:
            return []  # everything else can be said all the same; `/readyz` says why
        return [family]
