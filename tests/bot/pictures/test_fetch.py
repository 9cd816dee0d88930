"""Links against a canary on loopback, which must see nothing that was not let through."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bot.pictures.addresses import Reach
from bot.pictures.decode import MAX_BYTES
from bot.pictures.fetch import Fetcher, LinkRefusedError

PICTURE = b"what a picture would be"


@dataclass(kw_only=True)
class Canary:
    """A server on loopback that notes every connection, and redirects where it is told to."""

    port: int
    seen: list[str] = field(default_factory=list)

    def reach(self) -> Reach:
        """Let this one server through, and nothing else on loopback."""
        return Reach(also=frozenset({("127.0.0.1", self.port)}))

    def link(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"


@asynccontextmanager
async def canary() -> AsyncIterator[Canary]:
    async def answer(request: web.Request) -> web.StreamResponse:
        one.seen.append(request.path_qs)
        return await _answer(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    one = Canary(port=0)
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        one.port = runner.addresses[0][1]
        yield one
    finally:
        await runner.cleanup()


async def _answer(request: web.Request) -> web.StreamResponse:
    match request.match_info["path"]:
        case "to":
            raise web.HTTPFound(request.query["link"])
        case "around":
            raise web.HTTPFound("/around")
        case "endless":
            return await _endless(request, pause=0)
        case "slow":
            return await _endless(request, pause=0.05)
    response = web.Response(body=PICTURE)
    match request.match_info["path"]:
        case "nowhere":
            response.set_status(302)
        case "away":
            response.set_status(404)
        case "headers":
            response.text = repr(dict(request.headers))
        case "cookie":
            response.set_cookie("known", "1")
    return response


async def _endless(request: web.Request, *, pause: float) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        while True:
            await response.write(bytes(64 * 1024))
            await asyncio.sleep(pause)
    except ConnectionError:
        return response


@pytest.fixture
async def bird() -> AsyncIterator[Canary]:
    async with canary() as one:
        yield one


class Names(AbstractResolver):
    """Answers for names from a table: each question takes the next of a name's answers."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.answers = {name: iter(each) for name, each in answers.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        if host not in self.answers:
            raise OSError(f"{host} is not known")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in next(self.answers[host])
        ]

    async def close(self) -> None:
        """Nothing is held."""


LOOPBACK = """
127.0.0.1 127.1 127.0.1 127.0.0.1. 127.000.000.001 127.255.255.254 0.0.0.0 0 0x7f.1 0x7f000001
0x7F.0x0.0x0.0x1 0177.0.0.1 0177.1 017700000001 2130706433 localhost LOCALHOST localhost.
sub.localhost [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1]
[64:ff9b::127.0.0.1] [64:ff9b:1::127.0.0.1] [2002:7f00:1::] [fe80::1%25lo] \uff11\uff12\uff17.0.0.1
\u2460\u2461\u2466.0.0.1 127\u30020\u30020\u30021 ip6-localhost
"""

OTHER_NETWORKS = """
http://10.0.0.1/ http://192.168.0.1/ http://172.16.0.1/ http://169.254.169.254/latest/meta-data/
http://[fd00:ec2::254]/ http://100.100.100.200/ http://168.63.129.16/ http://192.0.0.192/
http://224.0.0.1/ http://255.255.255.255/ http://[ff02::1]/ https://10.0.0.1/
"""

NO_LINKS = [
    "",
    " ",
    "cat.png",
    "//127.0.0.1/cat.png",
    "http://",
    "http:///cat.png",
    "http://[::1",
    "http://127.0.0.1:99999/",
    "http://exa mple.com/",
    "http://%31%32%37.0.0.1/",
    "http://\x00127.0.0.1/",
    "file:///etc/passwd",
    "ftp://example.com/cat.png",
    "gopher://127.0.0.1:70/_",
    "data:image/png;base64,iVBORw0KGgo=",
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "ws://example.com/",
    "jar:http://example.com!/",
]


@pytest.mark.parametrize("host", LOOPBACK.split())
async def test_no_spelling_of_loopback_is_connected_to(bird: Canary, host: str) -> None:
    async with Fetcher(reach=Reach(ports=frozenset({bird.port}))) as fetcher:
        with pytest.raises(LinkRefusedError):
            await fetcher.fetch(f"http://{host}:{bird.port}/")
    assert bird.seen == []


@pytest.mark.parametrize("link", OTHER_NETWORKS.split() + NO_LINKS)
async def test_other_networks_and_other_schemes_are_refused_at_once(link: str) -> None:
    async with Fetcher(reach=Reach(), timeout_seconds=60) as fetcher, asyncio.timeout(5):
        with pytest.raises(LinkRefusedError):
            await fetcher.fetch(link)


@pytest.mark.parametrize("host", LOOPBACK.split()[1:])
async def test_no_redirect_leads_where_a_link_may_not(bird: Canary, host: str) -> None:
    target = f"http://{host}:{bird.port}/secret"
    async with Fetcher(reach=bird.reach()) as fetcher:
        try:
            await fetcher.fetch(bird.link(f"to?link={target.replace('%', '%25')}"))
        except LinkRefusedError:
            assert len(bird.seen) == 1
        else:
            # A spelling of the one address that is let through, and of no other.
            assert await _is_the_canary(host)


async def _is_the_canary(host: str) -> bool:
    found = await asyncio.get_running_loop().getaddrinfo(host, None)
    return {str(info[4][0]) for info in found} <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    "link", [*OTHER_NETWORKS.split(), "file:///etc/passwd", "ftp://127.0.0.1/", ""]
)
async def test_a_redirect_is_judged_like_a_link(bird: Canary, link: str) -> None:
    async with Fetcher(reach=bird.reach(), timeout_seconds=60) as fetcher, asyncio.timeout(5):
        with pytest.raises(LinkRefusedError):
            await fetcher.fetch(bird.link(f"to?link={link}"))
    assert len(bird.seen) == 1


async def test_a_port_of_another_service_is_refused(bird: Canary) -> None:
    async with canary() as other, Fetcher(reach=bird.reach()) as fetcher:
        for link in (other.link("a"), bird.link(f"to?link={other.link('b')}")):
            with pytest.raises(LinkRefusedError):
                await fetcher.fetch(link)
        assert other.seen == []


@pytest.mark.parametrize(
    "answers",
    [
        [["127.0.0.1"]],
        [["8.8.8.8", "127.0.0.1"]],
        [["127.0.0.1", "8.8.8.8"]],
        [["2606:4700::1111", "::1"]],
        [["8.8.8.8", "10.0.0.1"]],
        [["::ffff:127.0.0.1"]],
    ],
    ids=str,
)
async def test_a_name_with_one_bad_address_is_refused_whole(
    bird: Canary, answers: Sequence[Sequence[str]]
) -> None:
    reach = Reach(ports=frozenset({bird.port}))
    async with Fetcher(reach=reach, resolver=Names({"cats.example": answers})) as fetcher:
        with pytest.raises(LinkRefusedError):
            await fetcher.fetch(f"http://cats.example:{bird.port}/")
    assert bird.seen == []


async def test_a_name_that_changes_its_answer_is_judged_each_time(bird: Canary) -> None:
    names = Names({"cats.example": [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"], ["::1"]]})
    async with Fetcher(reach=bird.reach(), resolver=names) as fetcher:
        link = f"http://cats.example:{bird.port}/first"
        assert await fetcher.fetch(link) == PICTURE
        with pytest.raises(LinkRefusedError):
            await fetcher.fetch(f"http://cats.example:{bird.port}/second")
        # The third answer is good again, and serves one hop only.
        with pytest.raises(LinkRefusedError):
            await fetcher.fetch(f"http://cats.example:{bird.port}/to?link={link}")
    assert [path.split("?", maxsplit=1)[0] for path in bird.seen] == ["/first", "/to"]


@pytest.mark.parametrize("userinfo", ["user@", "user:secret@", "127.0.0.1@", ":@"])
async def test_a_name_in_the_address_is_refused(bird: Canary, userinfo: str) -> None:
    async with Fetcher(reach=bird.reach()) as fetcher:
        with pytest.raises(LinkRefusedError):
            await fetcher.fetch(f"http://{userinfo}127.0.0.1:{bird.port}/")
    assert bird.seen == []


async def test_a_link_that_is_let_through_is_read_to_its_end(bird: Canary) -> None:
    async with Fetcher(reach=bird.reach()) as fetcher:
        assert await fetcher.fetch(bird.link("cat.png?size=2#top")) == PICTURE
        assert await fetcher.fetch(bird.link("to?link=/cat.png")) == PICTURE
    assert bird.seen == ["/cat.png?size=2", "/to?link=/cat.png", "/cat.png"]


@pytest.mark.parametrize("path", ["around", "nowhere", "away", "endless"])
async def test_what_is_no_picture_is_refused(bird: Canary, path: str) -> None:
    async with Fetcher(reach=bird.reach()) as fetcher:
        with pytest.raises(LinkRefusedError):
            await fetcher.fetch(bird.link(path))
    assert len(bird.seen) <= 4


async def test_a_slow_server_is_left_at_the_deadline(bird: Canary) -> None:
    async with Fetcher(reach=bird.reach(), timeout_seconds=0.3) as fetcher, asyncio.timeout(3):
        with pytest.raises(LinkRefusedError):
            await fetcher.fetch(bird.link("slow"))


async def test_nothing_of_this_machine_is_told_and_no_cookie_kept(bird: Canary) -> None:
    async with Fetcher(reach=bird.reach()) as fetcher:
        await fetcher.fetch(bird.link("cookie"))
        told = (await fetcher.fetch(bird.link("headers"))).decode()
    assert "Cookie" not in told
    assert "aiohttp" not in told
    assert "identity" in told


async def test_every_refusal_reads_the_same(bird: Canary) -> None:
    said = set()
    async with Fetcher(reach=bird.reach(), timeout_seconds=0.3) as fetcher:
        for link in (
            "file:///etc/passwd",
            "http://10.0.0.1/",
            "http://no-such-name.invalid/",
            f"http://localhost:{bird.port + 1}/",
            bird.link("away"),
            bird.link("slow"),
            bird.link("endless"),
            bird.link("around"),
        ):
            with pytest.raises(LinkRefusedError) as refused:
                await fetcher.fetch(link)
            said.add(str(refused.value))
    assert len(said) == 1
    assert str(MAX_BYTES // 2**20) in said.pop()
