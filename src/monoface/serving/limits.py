"""What a server takes from strangers, and what it answers where they want more."""

from dataclasses import dataclass, fields

from monoface.core.errors import ConfigError


@dataclass(frozen=True)
class ServeLimits:
    """Limits of a server.

    Attributes:
        upload_bytes: Most bytes of one request.
        upload_seconds: Longest time that one request may take to arrive.
        uploads: Most requests that arrive at a time; each is in memory while it does.
        photos: Most photos of one request.
        pixels: Most pixels of one photo.
        queue: Most jobs that wait; more are refused for the moment.
        job_seconds: Longest time that one photo may take.
        keep_seconds: How long results are kept.
        jobs: Most jobs whose results are kept; the oldest ones go first.
    """

    upload_bytes: int = 64_000_000
    upload_seconds: float = 60.0
    uploads: int = 16
    photos: int = 24
    pixels: int = 50_000_000
    queue: int = 32
    job_seconds: float = 120.0
    keep_seconds: float = 3600.0
    jobs: int = 500

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise ConfigError(f"{field.name}: expected more than 0, got {value}.")


class RefusedError(Exception):
    """A request that is answered with a status and a reason.

    Args:
        status: HTTP status.
        reason: One sentence for the person who sent it.
        retry_seconds: When it may be worth a second try; None if it is not.
    """

    def __init__(self, status: int, reason: str, retry_seconds: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_seconds = retry_seconds
