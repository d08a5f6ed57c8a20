"""A TCP proxy that does to a connection what networks and hung servers do.

It stands between a node and its store, on a thread of its own, and is told what to do while connections run:

    passing     bytes go through
    delayed     bytes go through `delay` seconds late, in order, in each direction
    halved      connections stay open and no byte goes through any more (a half-open peer, a hung server)
    trickling   one byte a second from the server
    refusing    nobody is accepted: the port is closed

`cut` ends what is open with a FIN, `reset` with a RST.
"""

import asyncio
import contextlib
import socket
import struct
import threading

CHUNK = 65536


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy, reader, writer):
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.upstream = None

    async def run(self):
        try:
            reader, self.upstream = await asyncio.open_connection(*self.proxy.target)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self.carry(self.reader, self.upstream, from_server=False))
                ways.create_task(self.carry(reader, self.writer, from_server=True))
        except* (OSError, asyncio.CancelledError):
            pass  # the proxy's end, or the connection's
        finally:
            self.end()
            self.proxy.links.discard(self)

    async def carry(self, reader, writer, from_server):
        """Reads on and forwards in order; what a delay holds back does not hold up the reading."""
        queue = asyncio.Queue(maxsize=1024)
        forwarding = asyncio.ensure_future(self.forward(queue, writer, from_server))
        try:
            while chunk := await reader.read(CHUNK):
                await queue.put((asyncio.get_running_loop().time(), chunk))
            await queue.put((0, b""))
            await forwarding
        finally:
            forwarding.cancel()

    async def forward(self, queue, writer, from_server):
        loop = asyncio.get_running_loop()
        while True:
            came, chunk = await queue.get()
            while self.proxy.mode == "halved":
                await self.proxy.changed()
            if not chunk:
                writer.close()
                return
            while self.proxy.mode == "delayed" and (left := came + self.proxy.delay - loop.time()) > 0:
                await self.proxy.changed(left)
            if from_server:
                chunk = await self.trickle(chunk, writer)
            writer.write(chunk)
            await writer.drain()

    async def trickle(self, chunk, writer):
        """A byte a second for as long as that is the mode. Returns what is left then."""
        while chunk and self.proxy.mode == "trickling":
            writer.write(chunk[:1])
            await writer.drain()
            chunk = chunk[1:]
            await self.proxy.changed(1)
        return chunk

    def end(self, with_reset=False):
        for writer in filter(None, (self.writer, self.upstream)):
            if with_reset:
                connection = writer.get_extra_info("socket")
                if connection is not None and connection.fileno() >= 0:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()


class FaultProxy:
    """Between 127.0.0.1:`port` and `target` (host, port). Use it with `with`."""

    def __init__(self, target, port=0):
        self.target, self.port = target, port
        self.mode, self.delay = "passing", 0.0
        self.links = set()
        self.loop = asyncio.new_event_loop()
        self.server = self.change = None
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)

    def __enter__(self):
        self.thread.start()
        self.call(self.begin())
        return self

    def __exit__(self, *_):
        self.call(self.finish())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    # What happens to connections, from any thread

    def pass_on(self):
        self.call(self.switch("passing"))

    def slow_down(self, seconds):
        self.call(self.switch("delayed", seconds))

    def hold(self):
        self.call(self.switch("halved"))

    def trickle(self):
        self.call(self.switch("trickling"))

    def refuse(self):
        self.call(self.switch("refusing"))

    def cut(self):
        self.call(self.end_all(with_reset=False))

    def reset(self):
        self.call(self.end_all(with_reset=True))

    # On the proxy's thread

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def begin(self):
        self.change = asyncio.Event()
        await self.listen()

    async def listen(self):
        self.server = await asyncio.start_server(self.accepted, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def accepted(self, reader, writer):
        link = Link(self, reader, writer)
        self.links.add(link)
        await link.run()

    async def changed(self, seconds=None):
        """Waits until something else is to happen, or for so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.change.wait(), seconds)

    async def switch(self, mode, delay=0.0):
        before, self.mode, self.delay = self.mode, mode, delay
        if mode == "refusing" and before != "refusing":
            self.server.close()
            await self.end_all(with_reset=True)
        elif before == "refusing" and mode != "refusing":
            await self.listen()
        self.change.set()
        self.change = asyncio.Event()

    async def end_all(self, with_reset):
        for link in list(self.links):
            link.end(with_reset)

    async def finish(self):
        if self.mode != "refusing":
            self.server.close()
        self.mode = "passing"
        self.change.set()
        await self.end_all(with_reset=True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
