"""Who may ask the server."""

from __future__ import annotations

import pytest

from heredity.dashboard.serving.access import Access, checked_token, is_loopback
from heredity.errors import ConfigError

TOKEN = "a-token-of-many-signs"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost", "127.8.8.8"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert checked_token(None, host=host) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.4", "node-7"])
def test_an_address_that_others_reach_needs_a_token(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(ConfigError, match="other machines could read the experiment"):
        checked_token(None, host=host)


@pytest.mark.parametrize("token", ["short", "", "with a blank in the middle", "with-ümlaut-in-the-middle"])
def test_a_token_that_is_no_good_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match="expected 16 or more"):
        checked_token(token, host="127.0.0.1")


@pytest.mark.parametrize(
    ("host", "is_allowed"), [("127.0.0.1:80", True), ("[::1]:80", True), ("evil.org", False), ("", False)]
)
def test_without_a_token_only_this_machine_s_own_names_are_answered(host: str, *, is_allowed: bool) -> None:
    """A foreign page whose name was turned to 127.0.0.1 sends its own name."""
    access = Access(None, 80)
    assert access.allows(host=host, cookies="", authorization="") is is_allowed


def test_a_cookie_proves_the_token_and_does_not_tell_it() -> None:
    access = Access(TOKEN, 80)
    assert TOKEN not in access.cookie_value
    cookies = f"other=1; {access.cookie_name}={access.cookie_value}"
    assert access.allows(host="x", cookies=cookies, authorization="")
    assert not Access(TOKEN + "!", 80).allows(host="x", cookies=cookies, authorization="")
    assert not access.allows(host="127.0.0.1", cookies="\x00=;;", authorization="Basic x")
