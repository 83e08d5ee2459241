"""What a server answers becomes the right error: absent, taken, try again, or change something first."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from tests.objects.scripted import Answer, scripted

from heredity.errors import StoreLocationError, StoreUnavailable
from heredity.store.backends import Backend
from heredity.store.backends.objects import BucketClient, BucketLocation, ObjectBackend

# As the emulators of GCS want it.
_FAKE_ACCOUNT = json.dumps(
    {"gcs_base_url": "", "disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
)
OPTIONS = {
    "s3": {"access_key_id": "a", "secret_access_key": "hush", "region": "us-east-1", "endpoint": "{}"},
    "gs": {"service_account_key": _FAKE_ACCOUNT, "base_url": "{}"},
    "az": {"account_name": "a", "account_key": "aHVzaA==", "endpoint": "{}/a"},
}
CALLS: dict[str, Callable[[Backend], object]] = {
    "put": lambda backend: backend.put_once("a/x", [b"1"]),
    "open": lambda backend: backend.open("a/x"),
    "exists": lambda backend: backend.exists("a/x"),
    "names": lambda backend: backend.names("a/"),
    "retire": lambda backend: backend.retire("a/x"),
}
WITH_BODY = ("put", "open", "names", "retire")
OK_PUT = Answer(200, headers={"ETag": '"1"'})
OK_HEAD = Answer(200, headers={"ETag": '"1"', "Last-Modified": "Wed, 25 Nov 2026 01:00:00 GMT"})
# obstore deletes in batches on Azure; what became of each name is in the body of the answer.
AZURE_BATCH = Answer(
    202,
    headers={"Content-Type": "multipart/mixed; boundary=part"},
    body="\r\n".join(
        [
            *("--part", "Content-Type: application/http", "Content-ID: 0", ""),
            *("HTTP/1.1 404 The specified blob does not exist.", "x-ms-error-code: BlobNotFound", "", ""),
            *("--part--", ""),
        ]
    ),
)

services = pytest.mark.parametrize("scheme", OPTIONS)
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def told(answers: Sequence[Answer], call: Callable[[Backend], object], *, scheme: str = "s3") -> object:
    """Do a call that gets these answers, all of them."""
    with scripted(answers) as server:
        url = f"{scheme}://bucket/prefix"
        options = {name: text.replace("{}", server.endpoint) for name, text in OPTIONS[scheme].items()}
        try:
            return call(ObjectBackend(BucketClient(BucketLocation.from_url(url), options), url=url))
        finally:
            assert len(server.asked) == len(answers), server.asked


@services
@pytest.mark.parametrize("status", [500, 503, 429, 0])
@calls
def test_a_server_in_trouble_is_unavailable_and_asked_once(
    call: Callable[[Backend], object], status: int, scheme: str
) -> None:
    with pytest.raises(StoreUnavailable, match=r"://bucket/prefix: .* failed.*Try again"):
        told([Answer(status, "SlowDown")], call, scheme=scheme)


@services
@pytest.mark.parametrize("status", [401, 403])
@calls
def test_a_forbidden_place_says_what_to_check(
    call: Callable[[Backend], object], status: int, scheme: str
) -> None:
    with pytest.raises(StoreLocationError, match=r"://bucket/prefix: .* failed.*credentials") as caught:
        told([Answer(status, "AccessDenied")], call, scheme=scheme)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidBucketName", "AuthorizationHeaderMalformed"])
@pytest.mark.parametrize("call", [CALLS[name] for name in WITH_BODY], ids=WITH_BODY)
def test_a_request_that_is_wrong_for_good_is_not_to_be_tried_again(
    call: Callable[[Backend], object], code: str
) -> None:
    with pytest.raises(StoreLocationError, match=f"400 {code}: As told"):
        told([Answer(400, code)], call)


def test_an_answer_without_a_body_is_told_by_its_status() -> None:
    with pytest.raises(StoreLocationError, match=r"looking for 'a/x' failed: 403 Forbidden\. Check"):
        told([Answer(403)], CALLS["exists"])


@pytest.mark.parametrize("code", ["RequestTimeout", "XAmzContentSHA256Mismatch"])
def test_a_request_that_was_garbled_on_the_way_may_be_tried_again(code: str) -> None:
    with pytest.raises(StoreUnavailable, match=f"400 {code}"):
        told([Answer(400, code)], CALLS["put"])


def test_a_bucket_in_another_region_is_told() -> None:
    with pytest.raises(StoreLocationError, match="region"):
        told([Answer(301, "PermanentRedirect")], CALLS["put"])


def test_a_server_that_knows_no_conditions_is_told() -> None:
    with pytest.raises(StoreLocationError, match=r"501 NotImplemented.*conditional puts"):
        told([Answer(501, "NotImplemented")], CALLS["put"])


@services
@pytest.mark.parametrize("status", [412, 409])
def test_a_taken_name_is_told_when_it_is_there(scheme: str, status: int) -> None:
    assert told([Answer(status, "BlobAlreadyExists"), OK_HEAD], CALLS["put"], scheme=scheme) is False


@services
def test_a_put_that_lost_to_one_that_lost_too_may_be_tried_again(scheme: str) -> None:
    """S3 answers 409 to both, and obstore says that the name is taken."""
    answers = [Answer(409, "ConditionalRequestConflict"), Answer(404)]
    with pytest.raises(StoreUnavailable, match="not there"):
        told(answers, lambda backend: seen(backend).put_once("a/x", [b"1"]), scheme=scheme)


def seen(backend: Backend) -> Backend:
    """One that has been talked to before, so that its bucket is known to be there."""
    assert isinstance(backend, ObjectBackend)
    backend._has_seen_bucket = True
    return backend


@services
def test_an_absent_name_is_absent(scheme: str) -> None:
    code = {"s3": "NoSuchKey", "gs": "NoSuchKey", "az": "BlobNotFound"}[scheme]
    assert told([Answer(404, code)], CALLS["open"], scheme=scheme) is None
    answer = Answer(404, code) if scheme != "az" else AZURE_BATCH
    assert told([answer], CALLS["retire"], scheme=scheme) is None
    assert told([Answer(404)], lambda backend: seen(backend).exists("a/x"), scheme=scheme) is False


@services
@calls
def test_an_absent_bucket_is_no_empty_store(call: Callable[[Backend], object], scheme: str) -> None:
    code = "ContainerNotFound" if scheme == "az" else "NoSuchBucket"
    # A HEAD has no body to say it in: then the bucket is asked for.
    answers = [Answer(404, code)] * (2 if call is CALLS["exists"] else 1)
    with pytest.raises(StoreLocationError, match=r"://bucket/prefix: there is no such bucket"):
        told(answers, call, scheme=scheme)


def test_a_name_like_an_error_is_no_error() -> None:
    assert told([Answer(404, "NoSuchKey")], lambda backend: backend.open("a/NoSuchBucket")) is None


def test_a_connection_that_is_refused_is_unavailable() -> None:
    with scripted([]) as server:
        endpoint = server.endpoint
    options = {name: text.replace("{}", endpoint) for name, text in OPTIONS["s3"].items()}
    bucket = BucketClient(BucketLocation.from_url("s3://bucket"), options)
    with pytest.raises(StoreUnavailable, match="network"):
        ObjectBackend(bucket, url="s3://bucket").exists("a/x")


def test_a_put_is_one_request_with_its_condition_and_a_check_that_fails_late_is_one_more() -> None:
    refusals = iter([None, LookupError("no longer")])

    def check() -> None:
        if error := next(refusals):
            raise error

    with scripted([OK_PUT, Answer(204)]) as server:
        options = {name: text.replace("{}", server.endpoint) for name, text in OPTIONS["s3"].items()}
        bucket = BucketClient(BucketLocation.from_url("s3://bucket"), options)
        with pytest.raises(LookupError):
            ObjectBackend(bucket, url="s3://bucket").put_once("a/x", [b"1", b"2"], before_commit=check)
    assert server.asked == ["PUT /bucket/a/x", "DELETE /bucket/a/x"]
