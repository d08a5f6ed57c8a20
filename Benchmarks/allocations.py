"""Reads what malloccount.c wrote: allocations counted, and the call stacks they came from by name."""

import bisect
import mmap
import re
import struct
import subprocess
from collections import Counter

from rig import BUILD

STACKS, DEPTH = 1024, 20
HEAD = struct.Struct("<QQQ")
STACK = struct.Struct(f"<QQ{DEPTH}Q")
SIZE = HEAD.size + STACKS * STACK.size

# Frames that only pass an allocation on (allocators, the standard library and what of it was specialized into our
# binary): the first other one is who wanted it.
PLUMBING = re.compile(
    r"^(?:swift_|_swift_|malloc|calloc|realloc|posix_memalign|operator new|_Zn|swift::|std::|\(unknown\)"
    r"|(?:generic )?(?:specialized )*(?:static )?(?:_?ContiguousArray|_?Array|_?String|__String|_allocateString|_copy"
    r"|_?Set[A-Z.]|_?Dictionary|_Native|Sequence|Collection|Substring|Character|Unicode))")
OPENSSL = re.compile(r"/libcrypto\.")


class Allocations:
    """The shared file of one process, while it runs."""

    def __init__(self):
        BUILD.mkdir(parents=True, exist_ok=True)
        self.path = BUILD / "allocations"
        self.path.write_bytes(b"\0" * SIZE)
        with open(self.path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), SIZE)
        self.environment = {"LD_PRELOAD": str(BUILD / "malloccount.so"), "MALLOC_COUNT_FILE": str(self.path)}

    def count(self):
        return HEAD.unpack_from(self.memory, 0)[0]

    def arm(self, armed):
        struct.pack_into("<Q", self.memory, 16, 1 if armed else 0)

    def stacks(self):
        """(count, frames) of every stack seen while armed."""
        for index in range(STACKS):
            hash_, count, *frames = STACK.unpack_from(self.memory, HEAD.size + index * STACK.size)
            if hash_:
                yield count, [frame for frame in frames if frame]

    def close(self):
        self.memory.close()
        self.path.unlink(missing_ok=True)

    def sites(self, pid, minimum):
        """[(count, 'who < who called it')] for sites seen at least `minimum` times, most first."""
        symbols = Symbols(pid)
        total = Counter()
        for count, frames in self.stacks():
            total[site([symbols.of(frame - 1) for frame in frames])] += count
        return [(count, name) for name, count in total.most_common() if count >= minimum]


def site(frames):
    """One line for a stack of (name, file), innermost first. OpenSSL's own symbols are not exported: it is one name."""
    if OPENSSL.search(frames[0][1]):
        ours = [name for name, file in frames if not OPENSSL.search(file)]
        return f"OpenSSL's own < {' < '.join(ours[:2])}"
    wanted = [name for name, _ in frames if not PLUMBING.match(name)] or [name for name, _ in frames]
    return " < ".join(wanted[:2])


class Symbols:
    """Names for addresses of a running process, from the symbol tables of what it mapped."""

    def __init__(self, pid):
        self.maps, self.tables = [], {}
        with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
            for line in file:
                match = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+\s+(/.*)", line)
                if match:
                    start, end, offset = (int(match.group(part), 16) for part in (1, 2, 3))
                    self.maps.append((start, end, offset, match.group(4)))

    def of(self, address):
        for start, end, offset, path in self.maps:
            if start <= address < end:
                return self.name(path, address - start + offset), path
        return "(unknown)", ""

    def name(self, path, offset):
        addresses, names, segments = self.table(path)
        address = next((offset - o + v for o, v, size in segments if o <= offset < o + size), offset)
        index = bisect.bisect_right(addresses, address) - 1
        return names[index] if index >= 0 else "(unknown)"

    def table(self, path):
        if path not in self.tables:
            symbols = []
            for option in ([], ["-D"]):
                ran = subprocess.run(["nm", *option, "--defined-only", path], stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, check=False)
                for line in ran.stdout.decode(errors="replace").splitlines():
                    parts = line.split()
                    if len(parts) == 3 and parts[1] in "tTwWiI":
                        symbols.append((int(parts[0], 16), parts[2].split("@")[0]))
            symbols.sort()
            headers = subprocess.run(["readelf", "-lW", path], stdout=subprocess.PIPE, check=False).stdout.decode()
            segments = [
                (int(match.group(1), 16), int(match.group(2), 16), int(match.group(3), 16))
                for match in re.finditer(r"LOAD\s+(0x\w+)\s+(0x\w+)\s+0x\w+\s+(0x\w+)", headers)]
            names = demangled([name for _, name in symbols])
            self.tables[path] = ([address for address, _ in symbols], names, segments)
        return self.tables[path]


def demangled(names):
    ran = subprocess.run(["swift", "demangle", "--simplified"], input="\n".join(names).encode(), stdout=subprocess.PIPE,
                         check=False)
    lines = ran.stdout.decode(errors="replace").splitlines()
    return lines if ran.returncode == 0 and len(lines) == len(names) else names
