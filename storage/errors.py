"""What goes wrong in storage.

Errors::

    StorageError
      UnsupportedUrlError   a database's URL that Easel cannot use
      RevisionError         the database's tables are not those of this program
      DatabaseLostError     the database does not answer, or no longer
      QueueLimitError       as many jobs wait as may
      BlobListError         the store of blobs does not say what it holds
      BlobError
        BlobMissingError    no blob has this sha256
        BlobCorruptError    the blob's bytes do not have the sha256 that it is filed under
        BlobStoreError      the store does not answer, or has no room

Everything else (such as a full disk) keeps the type that its library gave it.
"""

from __future__ import annotations

from storage.records import QueueScope


class StorageError(Exception):
    """Something that storage refuses or cannot find."""


class UnsupportedUrlError(StorageError):
    """The URL names a database that Easel cannot use."""


class RevisionError(StorageError):
    """The database's tables are not those that this program was written for."""

    def __init__(self, *, found: str | None, needed: str) -> None:
        has = f"is at revision {found}" if found else "has no tables yet"
        super().__init__(f"the database {has}, this Easel needs {needed}: run `easel db upgrade`")
        self.found = found
        self.needed = needed


class DatabaseLostError(StorageError):
    """The database does not answer, or no longer. What was under way was written whole or not."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database does not answer: {' '.join(reason.split())}")


class QueueLimitError(StorageError):
    """As many jobs wait as may: the user's, the guild's or everybody's."""

    def __init__(self, scope: QueueScope, *, waiting: int, limit: int) -> None:
        super().__init__(f"{waiting} jobs of the {scope} wait, the limit is {limit}")
        self.scope = scope
        self.waiting = waiting
        self.limit = limit


class BlobListError(StorageError):
    """The store of blobs does not say what it holds: it may, another time."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store of blobs cannot be listed: {reason}")


class BlobError(StorageError):
    """A blob cannot be given back."""

    def __init__(self, sha256: str, reason: str) -> None:
        super().__init__(f"blob {sha256}: {reason}")
        self.sha256 = sha256


class BlobMissingError(BlobError):
    """No blob has this sha256."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256, "is not in the store")


class BlobCorruptError(BlobError):
    """The stored bytes are not those that were put."""

    def __init__(self, sha256: str) -> None:
        super().__init__(sha256, "its bytes have another sha256")


class BlobStoreError(BlobError):
    """The store does not answer, or has no room: it may, another time."""

    def __init__(self, sha256: str, reason: str) -> None:
        super().__init__(sha256, f"the store fails: {reason}")
