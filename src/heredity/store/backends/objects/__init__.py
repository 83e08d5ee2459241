"""Object stores: S3, GCS, Azure, and whatever speaks their protocols."""

from heredity.store.backends.objects.backend import ObjectBackend
from heredity.store.backends.objects.client import BucketClient, Client, GivenClient
from heredity.store.backends.objects.location import BucketLocation, is_bucket_url

__all__ = ["BucketClient", "BucketLocation", "Client", "GivenClient", "ObjectBackend", "is_bucket_url"]
