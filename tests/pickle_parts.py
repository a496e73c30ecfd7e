"""Pickles and archives put together by hand, for the tests that write what no honest program would."""

import io
import pickle

from minigrad.serialization.zip_writer import ZipWriter


def value(item) -> bytes:
    """The instructions that push a plain value."""
    return pickle.dumps(item, 2)[2:-1]


def name(full: str) -> bytes:
    """The instruction that pushes a global."""
    module, _, attribute = full.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def tuple_of(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def call(full: str, *parts: bytes) -> bytes:
    return name(full) + tuple_of(*parts) + b"R"


def storage(kind="torch.FloatStorage", key="0", location="cpu", count=4) -> bytes:
    return tuple_of(value("storage"), name(kind), value(key), value(location), value(count)) + b"Q"


def tensor(memory=None, offset=0, size=(4,), stride=(1,), tracked=False, *rest: bytes) -> bytes:
    memory = storage() if memory is None else memory
    hooks = call("collections.OrderedDict")
    parts = (value(offset), value(size), value(stride), value(tracked), hooks, *rest)
    return call("torch._utils._rebuild_tensor_v2", memory, *parts)


def archive(instructions: bytes, records: dict[str, bytes] | None = None) -> io.BytesIO:
    """A .pt file with this pickle, and one storage of four float32 ones unless told otherwise."""
    contents = {"data.pkl": b"\x80\x02" + instructions + b".", "byteorder": b"little"}
    contents |= {"data/0": b"\0\0\x80?" * 4} if records is None else records
    file = io.BytesIO()
    writer = ZipWriter(file, "archive")
    for record, data in contents.items():
        writer.write(record, data)
    writer.close()
    file.seek(0)
    return file
