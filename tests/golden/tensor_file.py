#!/usr/bin/python3
"""Writes tests/golden/tensor_file.safetensors and the damaged files of tests/golden/bad/model.txt.

    /usr/bin/python3 tests/golden/tensor_file.py

The writer follows docs/model-file.md and shares nothing with the library. Given a path, the script reads that
file as any safetensors reader would, with json and NumPy alone, checks every checksum and prints the tensors:

    /usr/bin/python3 tests/golden/tensor_file.py FILE
"""
import json
import os
import struct
import sys
import zlib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
TENSORS = {
    "embedding.0": np.arange(6, dtype="<f4").reshape(3, 2) / np.float32(4),
    "head.0.bias": np.array([1.0, -2.5, 3e38], dtype="<f4"),
}


def header_checksum(begin):
    """CRC-32 of header size and header, with zeros for the digits."""
    at = begin.index(b'"checksum_header":"') + 19
    return at, zlib.crc32(begin[:at] + b"00000000" + begin[at + 8:])


def table(tensors):
    entries, offset = {}, 0
    for name, x in tensors.items():
        entries[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [offset, offset + x.nbytes]}
        offset += x.nbytes
    return entries


def assemble(entries, blob, version="1", checksums=None, edit=lambda text: text):
    if checksums is None:
        checksums = {name: "%08x" % zlib.crc32(x.tobytes()) for name, x in TENSORS.items()}
    metadata = {"format": "flowbd3", "version": version, "checksum_header": "00000000",
                "checksums": json.dumps(checksums, separators=(",", ":")), "note": "golden"}
    text = edit(json.dumps({"__metadata__": metadata, **entries}, separators=(",", ":"))).encode()
    text += b" " * (-(8 + len(text)) % 64)
    begin = struct.pack("<Q", len(text)) + text
    at, checksum = header_checksum(begin)
    return begin[:at] + b"%08x" % checksum + begin[at + 8:] + blob


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:]


def damaged(good, blob):
    """name, status, a part of the message, bytes"""
    entries = table(TENSORS)
    begin = len(good) - len(blob)

    def changed(name, **members):
        return assemble({**entries, name: {**entries[name], **members}}, blob)

    other = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  '
    yield "other_safetensors", "FORMAT", "not a flowbd3", struct.pack("<Q", len(other)) + other + bytes(4)
    yield "zip", "FORMAT", "not a flowbd3", b"PK\3\4" + bytes(60)
    yield "eight_bytes", "FORMAT", "not a flowbd3", good[:8]
    yield "version_2", "VERSION", "expected '1'", assemble(entries, blob, version="2")
    yield "header_of_4_GB", "FORMAT", "expected at most", struct.pack("<Q", 1 << 32) + good[8:]
    yield "header_past_the_end", "FORMAT", "cut short", struct.pack("<Q", len(good)) + good[8:]
    yield "cut_in_header", "FORMAT", "cut short", good[:200]
    yield "cut_in_blob", "FORMAT", "expected %d" % len(good), good[:-3]
    yield "byte_too_many", "FORMAT", "expected %d" % len(good), good + b"\0"
    yield "flipped_in_header", "CHECKSUM", "header", flip(good, 200)
    yield "flipped_in_padding", "CHECKSUM", "header", flip(good, begin - 1)
    yield "flipped_in_blob", "CHECKSUM", "'head.0.bias'", flip(good, len(good) - 2)
    yield "no_checksum", "FORMAT", "1 checksums", assemble(entries, blob, checksums={"embedding.0": "00000000"})
    yield "float64", "FORMAT", "'F64'", changed("head.0.bias", dtype="F64")
    yield "overlap", "FORMAT", "lies at", changed("head.0.bias", data_offsets=[20, 32])
    yield "gap", "FORMAT", "lies at", changed("head.0.bias", data_offsets=[28, 40])
    yield "shape_that_wraps", "FORMAT", "lies at", changed("embedding.0", shape=[2 ** 62 + 3, 2])
    yield "three_dimensions", "FORMAT", "described", changed("embedding.0", shape=[3, 2, 1])
    yield "backwards", "FORMAT", "lies at", assemble(dict(reversed(entries.items())), blob)
    twice = ',"head.0.bias":' + json.dumps(entries["head.0.bias"], separators=(",", ":"))
    yield "tensor_twice", "FORMAT", "duplicate", assemble(entries, blob, edit=lambda t: t[:-1] + twice + "}")
    yield "deep", "FORMAT", "nested", assemble({**entries, "x": json.loads("[" * 40 + "]" * 40)}, blob)
    yield "not_json", "FORMAT", "not valid JSON", assemble(entries, blob, edit=lambda text: text[:-1] + ",}")


def write():
    blob = b"".join(x.tobytes() for x in TENSORS.values())
    good = assemble(table(TENSORS), blob)
    with open(os.path.join(HERE, "tensor_file.safetensors"), "wb") as file:
        file.write(good)
    with open(os.path.join(HERE, "bad", "model.txt"), "w") as listing:
        listing.write("# file  status  part of the message\n")
        for name, status, message, data in damaged(good, blob):
            listing.write(f"{name}.safetensors {status} {message}\n")
            with open(os.path.join(HERE, "bad", name + ".safetensors"), "wb") as file:
                file.write(data)


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    assert all(isinstance(value, str) for value in metadata.values())
    at, checksum = header_checksum(data[:8 + size])
    assert int(data[at:at + 8], 16) == checksum
    checksums = json.loads(metadata["checksums"])
    assert checksums.keys() == header.keys()
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        part = data[8 + size + begin:8 + size + end]
        assert int(checksums[name], 16) == zlib.crc32(part)
        x = np.frombuffer(part, dtype="<f4").reshape(entry["shape"])
        print(name, x.shape, x.dtype, x.ravel()[:4])
    assert 8 + size + max((e["data_offsets"][1] for e in header.values()), default=0) == len(data)


if len(sys.argv) > 1:
    read(sys.argv[1])
else:
    write()
