"""What the answers of an object store mean: absent, try again, or change something first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from heredity.errors import HeredityError, StoreLocationError, StoreUnavailable
from heredity.store.backends.objects.library import library

_STATUS = re.compile(r"status code: (\d{3})([A-Za-z ]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)
_LONGEST_REASON = 300

_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
# Of the answers that blame the request (4xx), those that a repeated one need not get.
_PASSING_STATUS = {408, 409, 425, 429}
_PASSING_CODES = {"RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch"}
_NOT_IMPLEMENTED = {501, 505}

_CREDENTIALS = (
    "Check the credentials (in options=… or in the environment), their rights on the bucket, the region, "
    "and this machine's clock."
)


@contextmanager
def typed_errors(url: str, doing: str) -> Iterator[None]:
    """Turn obstore's errors into ours, save ``FileNotFoundError`` and `name_is_taken`, which are answers."""
    exceptions = library().exceptions
    try:
        yield
    except HeredityError:
        raise
    except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
        raise
    except FileNotFoundError as error:
        if is_missing_bucket(error):
            raise no_bucket(url) from error
        raise
    except exceptions.BaseError as error:
        raise _typed(error, url=url, doing=doing) from error


def name_is_taken() -> tuple[type[Exception], ...]:
    """The exceptions by which this process's obstore says that a conditional put was refused."""
    exceptions = library().exceptions
    return (exceptions.AlreadyExistsError, exceptions.PreconditionError)


def is_missing_bucket(error: BaseException) -> bool:
    """Whether an answer says that the bucket is absent, and not only a name in it."""
    code = _CODE.search(str(error))
    # In angle brackets, which no name of ours contains: the text holds the name too.
    return code is not None and code[1] in _NO_BUCKET


def is_out_of_range(error: BaseException) -> bool:
    """Whether an answer says that the object has no such bytes."""
    status = _STATUS.search(str(error))
    return status[1] == "416" if status else "Invalid range" in str(error)


def no_bucket(url: str) -> StoreLocationError:
    """The error for a bucket that is not there."""
    return StoreLocationError(
        f"{url}: there is no such bucket.", hint="Check its name, the endpoint and the region, or create it."
    )


def first_line(error: BaseException) -> str:
    """What an error of obstore says, without its long appendix."""
    return str(error).partition("\n")[0].rstrip(". ")[:_LONGEST_REASON]


def _typed(error: Exception, *, url: str, doing: str) -> HeredityError:
    text = str(error)
    if is_missing_bucket(error):
        return no_bucket(url)
    status = _STATUS.search(text)
    message = f"{url}: {doing} failed: {_reason(error)}."
    if status and int(status[1]) in _NOT_IMPLEMENTED:
        return StoreLocationError(
            message, hint="Use a server that knows conditional puts (If-None-Match) and ranges."
        )
    if _blames_us(error, status=int(status[1]) if status else None) or "redirect" in text:
        return StoreLocationError(message, hint=_CREDENTIALS)
    if "169.254.169.254" in text or "metadata.google" in text:
        return StoreUnavailable(
            message, hint="No credentials were found, and this machine gives out none. " + _CREDENTIALS
        )
    return StoreUnavailable(
        message, hint="Try again; if it goes on, look at the network, the endpoint and the server."
    )


def _blames_us(error: Exception, *, status: int | None) -> bool:
    exceptions = library().exceptions
    if isinstance(
        error,
        exceptions.PermissionDeniedError | exceptions.UnauthenticatedError | exceptions.NotSupportedError,
    ):
        return True
    code = _CODE.search(str(error))
    if status is None or status in _PASSING_STATUS or (code and code[1] in _PASSING_CODES):
        return False
    return 400 <= status < 500  # HTTP's client errors


def _reason(error: Exception) -> str:
    text = str(error)
    status, code, message = (pattern.search(text) for pattern in (_STATUS, _CODE, _MESSAGE))
    if status is None:
        return first_line(error)
    # To a HEAD, a server can say no more than the status and its name.
    name = f" {code[1]}" if code else status[2].rstrip()
    detail = f": {message[1].strip().rstrip('.')}" if message else ""
    return f"{status[1]}{name}{detail}"[:_LONGEST_REASON]
