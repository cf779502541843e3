"""Records: immutable values whose fields have names, without the time that importing `typing` takes.

A type checker sees typing's own names here. At run time there is as much of them as a look-up needs: importing `typing`
and checking every annotation of every record would be a fifth of one. What a look-up loads takes them from here; a test
holds that none imports `typing`. A mistake in a record is one of the type checker's, which reads what stands there.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
"""What stands below it is for the type checker, which takes it for true wherever it has this name."""

if TYPE_CHECKING:
    from typing import Any as Any
    from typing import NamedTuple as NamedTuple
else:
    Any = object

    class _Maker(type):
        """Makes a named tuple of each class below `NamedTuple`."""

        def __new__(cls, name, bases, body):
            """Return a subclass of tuple with a field for each annotation of the class body."""
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.pop("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            record = namedtuple(name, fields, defaults=defaults, module=body.pop("__module__"))
            record.__annotations__ = fields
            for key, value in body.items():
                setattr(record, key, value)
            return record

    class NamedTuple(metaclass=_Maker):
        """The base of records, as typing has it."""
