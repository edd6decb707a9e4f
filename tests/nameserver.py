"""A real DNS server on loopback: it answers from a zone, by UDP and on any port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer:
    """Answers TXT and MX from `zone`: a name with the texts of its records, those of MX as `MX …`.

    A name that ends in one of `silent` gets no answer at all. `asked` are the names in the
    questions.
    """

    def __init__(self, zone: Mapping[str, tuple[str, ...]], silent: tuple[str, ...] = ()) -> None:
        self.zone, self.silent = zone, silent
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.address)  # an empty datagram asks nothing: it ends us
        self._thread.join()
        self._socket.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._socket.getsockname()
        return str(host), int(port)

    def _serve(self) -> None:
        while True:
            wire, client = self._socket.recvfrom(65_535)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            name = query.question[0].name.to_text(omit_final_dot=True).lower()
            self.asked.append(name)
            if not name.endswith(self.silent or ("\0",)):
                self._socket.sendto(self._answer(query, name).to_wire(), client)

    def _answer(self, query: dns.message.Message, name: str) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        found = self.zone.get(name)
        if found is None:
            is_above = any(each.endswith(f".{name}") for each in self.zone)
            answer.set_rcode(dns.rcode.NOERROR if is_above else dns.rcode.NXDOMAIN)
            return answer
        is_mx = question.rdtype == dns.rdatatype.MX
        texts = [each for each in found if each.startswith("MX ") is is_mx]
        if is_mx:
            records = [each.removeprefix("MX ") for each in texts]
        elif question.rdtype == dns.rdatatype.TXT:
            # A string holds 255 bytes; readers put those of a record together.
            parts = ((each[at : at + 255] for at in range(0, len(each), 255)) for each in texts)
            records = [" ".join(f'"{part}"' for part in each) for each in parts]
        else:
            records = []
        if records:
            answer.answer.append(
                dns.rrset.from_text(question.name, 60, "IN", question.rdtype, *records)
            )
        return answer
