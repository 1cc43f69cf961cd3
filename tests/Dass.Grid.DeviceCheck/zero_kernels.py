"""Zeroes the machine code of a CUDA library's kernels and leaves its tables, so that it loads and packs small."""
import mmap
import struct
import sys

CONTAINER = b"\x50\xed\x55\xba"  # a fatbin: version, header size, payload size; in it entries: kind, version, header size, payload size

with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 0) as data:
    zeroed, at = 0, 0
    while (at := data.find(CONTAINER, at)) >= 0:
        version, header, size = struct.unpack_from("<HHQ", data, at + 4)
        entry, end = at + header, at + header + size
        if version != 1 or header != 16 or end > len(data):
            at += 4  # the same bytes by chance
            continue
        while entry < end:
            _, _, length, payload = struct.unpack_from("<HHIQ", data, entry)
            data[entry + length : entry + length + payload] = bytes(payload)
            zeroed += payload
            entry += length + payload
        at = end
print(f"{sys.argv[1]}: {zeroed / 1e6:.0f} MB of kernels zeroed")
