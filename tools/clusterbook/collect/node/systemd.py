"""Systemd units: what systemd says over D-Bus about the services that a node stands on; jeepney ends in this file.

Source: reference row S8.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from clusterbook.collect.node.host import Host
from clusterbook.snapshot.build import Capture, SubtypeReadings, measurement_part
from clusterbook.snapshot.inventory import ABSENT, DENIED, FAILED, Gap
from clusterbook.snapshot.model import Reading

UNITS = ("containerd.service", "docker.service", "kubelet.service")
TIMEOUT_S = 3.0
"""How long one answer may take."""
_SOCKETS = (("/run/systemd/private", False), ("/run/dbus/system_bus_socket", True))
"""Where systemd can be asked, and whether a D-Bus daemon stands between."""
_PART = measurement_part("SystemD")
_LEFT_OUT = (
    "AllowedCPUs", "AllowedMemoryNodes", "Asserts", "BPFProgram", "BusName", "Id", "*Credential*",
    "Environment", "Exec*",
)  # fmt: skip
"""Source: reference row S8; the last two are ours: variables and command lines hold proxies' passwords and tokens."""
_SYSTEMD = "org.freedesktop.systemd1"


class DBusError(Exception):
    """D-Bus answered with an error; `name` says which one."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}")
        self.name = name


def units(host: Host) -> Capture:
    """Return SystemD.<unit> for each unit: all its properties.

    systemd's own socket is asked first, since a pod may have it and no D-Bus daemon; it only talks to root.
    """
    gaps = []
    for name, daemon in _SOCKETS:
        where = host.path(name)
        try:
            if not where.is_socket():
                continue
            with _BusLine(str(where)) as line:
                if daemon:
                    line.greet()
                return _unit_readings(line)
        except PermissionError as error:
            gaps.append(Gap(_PART, DENIED, f"{name}: {error.strerror}"))
        except (OSError, EOFError, ValueError, DBusError) as error:
            gaps.append(Gap(_PART, FAILED, f"{name}: {str(error) or type(error).__name__}"))
    return Capture(
        gaps=gaps or (Gap(_PART, ABSENT, f"no D-Bus: {' and '.join(name for name, _ in _SOCKETS)} are missing"),)
    )


def _unit_readings(line: _BusLine) -> Capture:
    """Return what systemd says about each unit, at the other end of a line."""
    found: dict[str, SubtypeReadings] = {}
    gaps = []
    for unit in UNITS:
        try:
            found[unit] = SubtypeReadings(readings(line.properties(f"/org/freedesktop/systemd1/unit/{path_of(unit)}")))
        except DBusError as error:
            state = DENIED if error.name.endswith("AccessDenied") else FAILED
            gaps.append(Gap(measurement_part("SystemD", unit), state, str(error)))
    return Capture({"SystemD": found} if found else {}, gaps=gaps)


class _BusLine:
    """A line to systemd, straight or through a D-Bus daemon."""

    def __init__(self, address: str) -> None:
        from jeepney import Parser

        self.parser = Parser()
        self.serial = 0
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.settimeout(TIMEOUT_S)
            self.socket.connect(address)
            self._log_in()
        except BaseException:
            self.socket.close()
            raise

    def _log_in(self) -> None:
        """Say who we are.

        All of it at once, as systemd's own programs do: what systemd reads together with a BEGIN that stands alone, it
        leaves lying until more comes (seen with 252).
        """
        user = str(os.geteuid()).encode().hex()
        self.socket.sendall(f"\0AUTH EXTERNAL {user}\r\nBEGIN\r\n".encode())
        said = b""
        while b"\r\n" not in said:
            said += self._received()
        if not said.startswith(b"OK "):
            raise PermissionError(errno.EACCES, f"D-Bus says {said.splitlines()[0].decode(errors='backslashreplace')}")

    def _received(self) -> bytes:
        """Return what came, at least a byte."""
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError("it hung up")
        return data

    def __enter__(self) -> _BusLine:
        return self

    def greet(self) -> None:
        """Say hello, which a D-Bus daemon waits for. Raises as `properties`."""
        self._ask("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus", "Hello")

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def properties(self, path: str) -> Mapping[str, tuple[str, Any]]:
        """Return the properties of all interfaces of an object, each with its signature.

        Raises:
            Refused: the other end says no.
            OSError, EOFError: it says nothing, or hangs up.
        """
        return dict(self._ask(path, _SYSTEMD, "org.freedesktop.DBus.Properties", "GetAll", "s", ("",))[0])

    def _ask(self, path: str, name: str, interface: str, method: str, *body: Any) -> Any:
        """Return the body of the answer to one call."""
        from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call

        self.serial += 1
        call = new_method_call(DBusAddress(path, bus_name=name, interface=interface), method, *body)
        self.socket.sendall(call.serialise(self.serial))
        while True:
            message = self.parser.get_next_message()
            if message is None:
                self.parser.add_data(self._received())
                continue
            fields = message.header.fields
            if fields.get(HeaderFields.reply_serial) != self.serial:
                continue  # a signal, say
            if message.header.message_type == MessageType.error:
                said = str(message.body[0]) if message.body else "no reason given"
                raise DBusError(str(fields.get(HeaderFields.error_name)), said)
            return message.body


def path_of(unit: str) -> str:
    """Return how systemd writes a unit's name in an object path."""
    return "".join(each if each.isascii() and each.isalnum() else f"_{ord(each):02x}" for each in unit)


def readings(properties: Mapping[str, tuple[str, Any]]) -> dict[str, Reading]:
    """Return properties as scalars: lists and structures as JSON, bytes in hexadecimal."""
    return {
        name: _scalar(signature, value)
        for name, (signature, value) in properties.items()
        if not any(fnmatchcase(name, pattern) for pattern in _LEFT_OUT)
    }


def _scalar(signature: str, value: Any) -> Reading:
    if signature == "ay":
        return bytes(value).hex()
    if isinstance(value, str | int | float):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else str(value)
