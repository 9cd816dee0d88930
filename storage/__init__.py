"""Memory: jobs, pictures, deliveries and leases in a database, and the pictures' bytes beside it.

SQLAlchemy lives here and in `migrations` only. What goes in and comes out are frozen records of
plain values; this package knows neither the bot nor the engine.
"""

from storage.blob_names import BlobNames
from storage.blobs import Blobs
from storage.database import Database
from storage.deliveries import Deliveries
from storage.errors import (
    BlobCorruptError,
    BlobError,
    BlobListError,
    BlobMissingError,
    BlobStoreError,
    DatabaseLostError,
    QueueLimitError,
    RevisionError,
    StorageError,
    UnsupportedUrlError,
)
from storage.jobs import Jobs
from storage.leases import Leases
from storage.orphans import Orphans
from storage.pictures import Pictures
from storage.promises import Promises
from storage.records import (
    POISON,
    CancelOutcome,
    Claim,
    Claimed,
    DeliveryRecord,
    DeliveryState,
    JobRecord,
    JobState,
    Leader,
    NewJob,
    NewPicture,
    PictureRecord,
    PromiseRecord,
    QueuedJob,
    QueueLimits,
    QueueScope,
    RequeueOutcome,
    Submitted,
    TimedJob,
    WishRecord,
)
from storage.wishes import Wishes

__all__ = [
    "POISON",
    "BlobCorruptError",
    "BlobError",
    "BlobListError",
    "BlobMissingError",
    "BlobNames",
    "BlobStoreError",
    "Blobs",
    "CancelOutcome",
    "Claim",
    "Claimed",
    "Database",
    "DatabaseLostError",
    "Deliveries",
    "DeliveryRecord",
    "DeliveryState",
    "JobRecord",
    "JobState",
    "Jobs",
    "Leader",
    "Leases",
    "NewJob",
    "NewPicture",
    "Orphans",
    "PictureRecord",
    "Pictures",
    "PromiseRecord",
    "Promises",
    "QueueLimitError",
    "QueueLimits",
    "QueueScope",
    "QueuedJob",
    "RequeueOutcome",
    "RevisionError",
    "StorageError",
    "Submitted",
    "TimedJob",
    "UnsupportedUrlError",
    "WishRecord",
    "Wishes",
]
