"""A DNS server on loopback, over UDP and TCP, that answers as it is told and counts its questions."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL = 300


@dataclass(frozen=True)
class Answer:
    """``cname`` is where the name leads instead; ``truncated`` has who asks ask again over TCP."""

    a: tuple[str, ...] = ()
    aaaa: tuple[str, ...] = ()
    cname: str | None = None
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    is_silent: bool = False
    is_truncated: bool = False


SILENCE = Answer(is_silent=True)
NXDOMAIN = Answer(rcode=dns.rcode.NXDOMAIN)
SERVFAIL = Answer(rcode=dns.rcode.SERVFAIL)


@dataclass(frozen=True)
class Question:
    name: str
    type: str
    over: str


@dataclass
class DnsStub:
    """``answers`` gives each name its answers in turn, one per type asked for; the last one stays.
    A name that is not there does not exist."""

    port: int
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    # What is answered to a type instead, whatever the name.
    broken: dict[str, Answer] = field(default_factory=dict)

    @property
    def server(self) -> str:
        """As ``WEBHOOK_DNS_SERVERS`` names it."""
        return f"127.0.0.1:{self.port}"

    def set(self, name: str, *answers: Answer) -> None:
        self.answers[name] = list(answers)

    def asked(self, name: str) -> list[str]:
        """The types that were asked for, in order."""
        return [question.type for question in self.questions if question.name == name]

    def reply(self, wire: bytes, over: str) -> bytes | None:
        """None for silence."""
        query = dns.message.from_wire(wire)
        asked = query.question[0]
        name = asked.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(asked.rdtype)
        before = sum(
            question.type == kind and question.over == over
            for question in self.questions
            if question.name == name
        )
        self.questions.append(Question(name, kind, over))
        answer = self.broken.get(kind) or self._answer(name, before)
        if answer.is_silent:
            return None
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(answer.rcode)
        if answer.is_truncated and over == "udp":
            response.flags |= dns.flags.TC
            return response.to_wire()
        self._fill(response, asked.name, kind, answer)
        # In the order that was told: whoever tries the addresses in turn is tested by it.
        return response.to_wire(max_size=65_535, want_shuffle=False)

    def _answer(self, name: str, turn: int) -> Answer:
        answers = self.answers.get(name, [NXDOMAIN])
        return answers[min(turn, len(answers) - 1)]

    def _fill(
        self, response: dns.message.Message, owner: dns.name.Name, kind: str, answer: Answer
    ) -> None:
        """The chain of names, as a resolver puts it into one answer, and what stands at its end."""
        seen = 0
        while answer.cname is not None and seen < 8:
            response.answer.append(
                dns.rrset.from_text(owner, TTL, "IN", "CNAME", f"{answer.cname}.")
            )
            owner, answer = dns.name.from_text(answer.cname), self._answer(answer.cname, 0)
            seen += 1
        addresses = {"A": answer.a, "AAAA": answer.aaaa}.get(kind, ())
        if addresses:
            response.answer.append(dns.rrset.from_text(owner, TTL, "IN", kind, *addresses))


@contextmanager
def answering() -> Iterator[DnsStub]:
    """A stub on a port that is free for both UDP and TCP."""
    udp, tcp = _sockets()
    stub = DnsStub(udp.getsockname()[1])
    stopped = threading.Event()
    threads = [
        threading.Thread(target=serve, args=(listener, stub, stopped), daemon=True)
        for serve, listener in ((_serve_udp, udp), (_serve_tcp, tcp))
    ]
    for thread in threads:
        thread.start()
    try:
        yield stub
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
        udp.close()
        tcp.close()


def _sockets() -> tuple[socket.socket, socket.socket]:
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen()
        udp.settimeout(0.05)
        tcp.settimeout(0.05)
        return udp, tcp


def _serve_udp(listener: socket.socket, stub: DnsStub, stopped: threading.Event) -> None:
    while not stopped.is_set():
        with suppress(TimeoutError):
            wire, client = listener.recvfrom(4_096)
            reply = stub.reply(wire, "udp")
            if reply is not None:
                listener.sendto(reply, client)


def _serve_tcp(listener: socket.socket, stub: DnsStub, stopped: threading.Event) -> None:
    while not stopped.is_set():
        with suppress(OSError):
            client, _ = listener.accept()
            with client:
                client.settimeout(1)
                (size,) = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))
                reply = stub.reply(client.recv(size, socket.MSG_WAITALL), "tcp")
                if reply is not None:
                    client.sendall(struct.pack("!H", len(reply)) + reply)
