"""URLs of endpoints: hostile ones are refused, good ones come back in one form."""

from typing import Any

import pytest

from merchants.webhooks.urls import require_webhook_url
from payments_project.errors import InvalidInput
from tests.api_client import Api
from tests.merchants.webhooks.hostile_urls import (
    HOSTILE_URLS,
    IPV4_FORMS,
    IPV6_FORMS,
    METADATA,
    OTHER_SCRIPTS,
    PORTS,
    SCHEMES,
    WRITTEN,
    Hostile,
)

ENVIRONMENTS = ("live", "test")
# What an embedded start lets test mode reach, in each of its few forms.
LOOPBACK = (
    "http://localhost:8080/",
    "http://127.0.0.1:8080/",
    "http://127.0.0.2:8080/",
    "http://[::1]:8080/",
)
# The tests' server lets test mode reach loopback, so none of the sample is that, plainly said.
SAMPLE = [
    hostile
    for group in (IPV4_FORMS, IPV6_FORMS, METADATA, OTHER_SCRIPTS, PORTS, SCHEMES, WRITTEN)
    for hostile in group[3:20:4]
]


def _is_refused(url: str, environment: str) -> bool:
    try:
        require_webhook_url(url, environment=environment)
    except InvalidInput as error:
        return error.param == "url"
    return False


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("hostile", HOSTILE_URLS, ids=lambda hostile: ascii(hostile.url)[1:60])
def test_a_hostile_url_is_refused(settings: Any, hostile: Hostile, environment: str) -> None:
    settings.WEBHOOK_ALLOW_LOOPBACK = False

    assert _is_refused(hostile.url, environment), hostile.why
    # Http is for test mode only; whatever else is wrong stays so.
    assert _is_refused(hostile.url.replace("https:", "http:", 1), environment), hostile.why


def test_each_hostile_url_is_there_once() -> None:
    urls = [hostile.url for hostile in HOSTILE_URLS]

    assert len(urls) == len(set(urls))
    assert len(urls) > 200


@pytest.mark.parametrize("hostile", SAMPLE, ids=lambda hostile: ascii(hostile.url)[1:60])
def test_the_api_says_which_parameter_is_wrong(api: Api, hostile: Hostile) -> None:
    response = api.post("/v1/webhook_endpoints", {"url": hostile.url})

    assert api.error(response, 400, "parameter_invalid")["param"] == "url"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"url": "https://\\ud800.example/"}', "json_invalid"),
        (b'{"url": "https://shop.example/\\ud800"}', "json_invalid"),
        (b'{"url": "https://127.0.0.1\\u0000.example/"}', "json_invalid"),
        (b'{"url": ["https://shop.example/"]}', "parameter_invalid"),
        (b'{"url": 2130706433}', "parameter_invalid"),
        (b'{"url": null}', "parameter_invalid"),
        (b'{"url": ""}', "parameter_invalid"),
    ],
)
def test_what_is_no_text_for_a_url_is_refused_too(api: Api, body: bytes, code: str) -> None:
    response = api.http.post(
        "/v1/webhook_endpoints", content=body, headers={"Content-Type": "application/json"}
    )

    api.error(response, 400, code)


def test_a_url_has_to_be_given(api: Api) -> None:
    response = api.post("/v1/webhook_endpoints", {})

    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == "url"


def test_a_hostile_url_is_refused_when_an_endpoint_is_changed(api: Api) -> None:
    endpoint = api.post("/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}).json()

    response = api.patch(f"/v1/webhook_endpoints/{endpoint['id']}", {"url": "https://2130706433/"})

    assert api.error(response, 400, "parameter_invalid")["param"] == "url"
    read = api.get(f"/v1/webhook_endpoints/{endpoint['id']}").json()
    assert read["url"] == "https://shop.example/hooks"


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://shop.example", "https://shop.example/"),
        ("HTTPS://Shop.EXAMPLE/Hooks", "https://shop.example/Hooks"),
        ("https://shop.example./", "https://shop.example/"),
        ("https://shop.example:443/", "https://shop.example/"),
        ("https://shop.example:/", "https://shop.example/"),
        ("https://shop.example:0443/", "https://shop.example/"),
        ("https://shop.example:80/", "https://shop.example:80/"),
        ("https://shop.example:1024/", "https://shop.example:1024/"),
        ("https://shop.example:65535/", "https://shop.example:65535/"),
        ("https://shop.example?key=1", "https://shop.example/?key=1"),
        ("https://shop.example/?", "https://shop.example/"),
        ("https://shop.example/#", "https://shop.example/"),
        (
            "https://shop.example//a/../b;c=1?d=e&f=%20",
            "https://shop.example//a/../b;c=1?d=e&f=%20",
        ),
        ("https://shop.example/@home", "https://shop.example/@home"),
        (
            "https://shop.example/?to=https://10.0.0.1/",
            "https://shop.example/?to=https://10.0.0.1/",
        ),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://例え.テスト.example/", "https://xn--r8jz45g.xn--zckzah.example/"),
        ("https://1.shop.example/", "https://1.shop.example/"),
        ("https://0x7f.shop.example/", "https://0x7f.shop.example/"),
        ("https://r3---sn.example/", "https://r3---sn.example/"),
        ("https://localhost.shop.example/", "https://localhost.shop.example/"),
        ("https://notlocalhost.example/", "https://notlocalhost.example/"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://8.8.8.8./", "https://8.8.8.8/"),
        ("https://[2606:4700:0:0::1111]:8443/", "https://[2606:4700::1111]:8443/"),
        ("https://[2606:4700::ABCD]/", "https://[2606:4700::abcd]/"),
        (f"https://{'a' * 63}.example/", f"https://{'a' * 63}.example/"),
    ],
)
def test_a_good_url_comes_in_its_normal_form(url: str, normal: str) -> None:
    assert require_webhook_url(url, environment="live") == normal
    assert require_webhook_url(normal, environment="live") == normal


def test_http_is_for_test_mode() -> None:
    assert _is_refused("http://shop.example/", "live")

    normal = require_webhook_url("http://shop.example:80/", environment="test")

    assert normal == "http://shop.example/"
    assert (
        require_webhook_url("http://shop.example:443/", environment="test")
        == "http://shop.example:443/"
    )


@pytest.mark.parametrize("url", LOOPBACK)
def test_loopback_is_for_test_mode_where_it_is_allowed(settings: Any, url: str) -> None:
    secure = url.replace("http:", "https:")
    settings.WEBHOOK_ALLOW_LOOPBACK = True

    assert require_webhook_url(url, environment="test") == url
    assert require_webhook_url(secure, environment="test") == secure
    assert _is_refused(secure, "live")

    settings.WEBHOOK_ALLOW_LOOPBACK = False
    assert _is_refused(url, "test")


# What leads to this host, plainly said or not quite: the root's dot makes no other host.
_PLAIN = {
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://127.255.255.254/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
}


def test_where_loopback_is_allowed_nothing_else_is(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_LOOPBACK = True

    let_through = {h.url for h in HOSTILE_URLS if not _is_refused(h.url, "test")}

    assert let_through == _PLAIN
    assert [h.url for h in HOSTILE_URLS if not _is_refused(h.url, "live")] == []
