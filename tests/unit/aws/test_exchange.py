"""What is read of an answer, and what is taken for none."""

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from token_service.aws.exchange import Answer, NoAnswerError, OversizedError, exchange

LARGEST = 1000
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

WHOLE = {
    "with a length": OK + b"Content-Length: 5\r\nX-Is: So\r\n\r\nthere",
    "of no length": OK + b"Content-Length: 0\r\n\r\n",
    "in chunks": CHUNKED + b"2\r\nth\r\n3;an=extension\r\nere\r\n0\r\n\r\n",
    "in chunks, with trailers": CHUNKED + b"5\r\nthere\r\n0\r\nX-Late: yes\r\n\r\n",
    "until the connection is closed": OK + b"Content-Type: text/plain\r\n\r\nthere",
    "without content": b"HTTP/1.1 204 No Content\r\nX-Is: So\r\n\r\n",
    "of the older protocol": b"HTTP/1.0 200 OK\r\n\r\nthere",
    "without a reason": b"HTTP/1.1 503 \r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nthere",
    "by a server that offers another protocol": OK
    + b"Upgrade: h2,h2c\r\nConnection: Upgrade, close\r\nContent-Length: 5\r\n\r\nthere",
    "after an interim one": b"HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n"
    + OK
    + b"Content-Length: 5\r\n\r\nthere",
    "with a header of no value": OK + b"X-Empty:\r\nContent-Length: 5\r\n\r\nthere",
    "with more behind it": OK + b"Content-Length: 5\r\n\r\nthere and here",
    "with another behind it": OK
    + b"Content-Length: 5\r\n\r\nthere"
    + b"HTTP/1.1 500 No\r\nX-Foreign: 1\r\nContent-Length: 2\r\n\r\nno",
}
NONE = {
    "nothing": b"",
    "the beginning of a head": OK + b"Content-Le",
    "a head without its end": OK + b"Content-Length: 5\r\n",
    "less than its length": OK + b"Content-Length: 5\r\n\r\nther",
    "chunks without the last one": CHUNKED + b"5\r\nthere\r\n",
    "a chunk of no length": CHUNKED + b"five\r\nthere\r\n0\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a length that is none": OK + b"Content-Length: five\r\n\r\nthere",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 4\r\n\r\nthere",
    "a length and chunks": OK
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthere\r\n0\r\n\r\n",
    "an interim answer alone": b"HTTP/1.1 100 Continue\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
}


@contextmanager
def server(parts: Sequence[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Sends these bytes to one client once it has asked; gives the URL, and what was asked."""
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked.append(connection.recv(65_536))
            try:
                for part in parts:
                    connection.sendall(part)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)
            except OSError:
                pass  # It has read enough.

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        thread.join(60)


def ask(sent: Sequence[bytes], largest: int = LARGEST) -> Answer:
    with server(sent) as (url, _):
        return exchange("GET", url, {}, deadline=time.monotonic() + 60, largest=largest)


def as_the_standard_library_reads(sent: bytes) -> Answer:
    class Connection:
        def makefile(self, _mode: str) -> io.BytesIO:
            return io.BytesIO(sent)

    response = http.client.HTTPResponse(Connection())  # type: ignore[arg-type]
    response.begin()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, response.read())


@pytest.mark.parametrize("form", WHOLE)
def test_an_answer_is_read_as_the_standard_library_does(form: str) -> None:
    answer = ask([WHOLE[form]])
    headers = {name: value for name, value in answer.headers.items() if name != "x-late"}
    assert answer._replace(headers=headers) == as_the_standard_library_reads(WHOLE[form])


@pytest.mark.parametrize("form", WHOLE)
def test_an_answer_is_the_same_however_it_is_cut(form: str) -> None:
    whole = WHOLE[form]
    assert ask([whole[at : at + 1] for at in range(len(whole))]) == ask([whole])


@pytest.mark.parametrize("form", NONE)
def test_what_is_no_complete_answer_is_none(form: str) -> None:
    with pytest.raises(NoAnswerError):
        ask([NONE[form]])


def test_an_answer_of_just_the_largest_size_is_taken_and_a_byte_more_is_not() -> None:
    for head in (OK + b"Content-Length: %d\r\n\r\n", OK + b"X-Length: %d\r\n\r\n"):
        assert len(ask([head % LARGEST + b"x" * LARGEST]).body) == LARGEST
        with pytest.raises(OversizedError):
            ask([head % (LARGEST + 1) + b"x" * (LARGEST + 1)])


def test_headers_without_end_are_not_read() -> None:
    with pytest.raises(OversizedError):
        ask([OK, *[b"X-More: " + b"x" * 1000 + b"\r\n"] * 200])


def test_a_request_is_sent_as_it_was_meant() -> None:
    with server([OK + b"Content-Length: 0\r\n\r\n"]) as (url, asked):
        headers = {"X-Text": "é"}
        exchange("POST", f"{url}/a?b=c", headers, b"{}", deadline=time.monotonic() + 60, largest=10)
    host = url.removeprefix("http://")
    assert asked[0].decode("latin-1").split("\r\n") == [
        "POST /a?b=c HTTP/1.1",
        f"Host: {host}",
        "Accept-Encoding: identity",
        "X-Text: é",
        "Content-Length: 2",
        "",
        "{}",
    ]


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/a b", "x"),
        ("/é", "x"),
        ("/", "x\r\nX-More: y"),
        ("/", "x\ny"),
        ("/", "x\0"),
    ],
)
def test_nothing_can_be_put_into_a_request_beside_what_was_meant(path: str, header: str) -> None:
    with pytest.raises(NoAnswerError, match="characters that it cannot have"):
        exchange(
            "GET",
            f"http://127.0.0.1:9{path}",
            {"X-Text": header},
            deadline=time.monotonic() + 60,
            largest=10,
        )


def test_a_host_that_dns_does_not_lead_to_is_asked_by_the_name_of_the_url() -> None:
    with server([WHOLE["with a length"]]) as (url, asked):
        answer = exchange(
            *("GET", "http://auth.example.com/keys", {}),
            deadline=time.monotonic() + 60,
            largest=LARGEST,
            connect_to=url.removeprefix("http://"),
        )
    assert answer.body == b"there"
    assert b"\r\nHost: auth.example.com\r\n" in asked[0]
