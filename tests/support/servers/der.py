"""Just enough DER to write time stamps (RFC 3161) and certificate extensions that cryptography has no builder for."""

from __future__ import annotations


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return one value with its tag and length."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def set_of(*parts: bytes) -> bytes:
    return tlv(0x31, *sorted(parts))


def octets(data: bytes) -> bytes:
    return tlv(0x04, data)


def text(word: str) -> bytes:
    return tlv(0x0C, word.encode())


def integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    """Return an object identifier."""
    first, second, *rest = (int(part) for part in dotted.split("."))
    found = bytes([first * 40 + second])
    for value in rest:
        digits = [value & 0x7F]
        while value := value >> 7:
            digits.insert(0, 0x80 | (value & 0x7F))
        found += bytes(digits)
    return tlv(0x06, found)


def children(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Return (tag, content, whole) of each value in `data`."""
    found, position = [], 0
    while position < len(data):
        start, length = position + 2, data[position + 1]
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[start : start + count], "big")
            start += count
        found.append((data[position], data[start : start + length], data[position : start + length]))
        position = start + length
    return found
