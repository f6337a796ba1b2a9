"""Servers that `bench serve` is tried against: one that misbehaves as told, and a relay that notes when events pass."""
import asyncio
import json
import socket
import struct
import threading
import time


class Background:
    """An asyncio server on a thread of its own, on a free port of 127.0.0.1. Use in a with statement."""

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()

        def run():
            asyncio.set_event_loop(self.loop)
            self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22, backlog=512))
            self.port = self.server.sockets[0].getsockname()[1]
            ready.set()
            self.loop.run_forever()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        ready.wait()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.server.close)  # or the system would go on taking connections
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    async def _serve(self, reader, writer):
        try:
            await self.serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()


async def read_request(reader):
    """The head as text, and the body's bytes."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = 0
    for line in head.split("\r\n"):
        if line.lower().startswith("content-length:"):
            length = int(line.split(":")[1])
    return head, await reader.readexactly(length)


def event(text):
    return b"data: " + json.dumps({"choices": [{"index": 0, "text": text}]}).encode() + b"\n\n"


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b"data: [DONE]"  # without a line end, as conRWKV has it


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Misbehaving(Background):
    """Answers well, but for the requests whose numbers, from 0, are in `moods`."""

    def __init__(self, moods):
        self.moods = moods
        self.count = 0
        self.bodies = []

    async def serve(self, reader, writer):
        head, body = await read_request(reader)
        if head.startswith("GET"):
            answer = b'[{"object": "models", "id": "stand-in"}]'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            return await writer.drain()
        number, self.count = self.count, self.count + 1
        self.bodies.append(json.loads(body))
        await getattr(self, self.moods.get(number, "well"))(writer)
        await writer.drain()

    async def well(self, writer):
        """Comments, empty texts, and a character that is cut between two pieces."""
        writer.write(OK + chunk(b": ping\n\n") + chunk(event("")) + chunk(event("one")))
        await writer.drain()
        await asyncio.sleep(0.01)
        two = event("two").replace(b"two", "\u4f60".encode())
        cut = two.index("\u4f60".encode()) + 1
        writer.write(chunk(two[:cut]))
        await writer.drain()
        await asyncio.sleep(0.01)
        writer.write(chunk(two[cut:]) + chunk(b": ping\n\n") + chunk(DONE) + chunk(b""))

    async def stalls(self, writer):
        writer.write(OK + chunk(event("one")))
        await writer.drain()
        await asyncio.sleep(30)

    async def resets(self, writer):
        writer.write(OK + chunk(event("one")))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def ends_early(self, writer):
        writer.write(OK + chunk(event("one")))

    async def fails(self, writer):
        body = b'{"error": {"message": "out of order"}}'
        writer.write(b"HTTP/1.1 500 Oh\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    async def halves(self, writer):
        writer.write(OK + chunk(event("x").replace(b"x", b"\xe4\xbd")) + chunk(DONE) + chunk(b""))

    async def babbles(self, writer):
        writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")

    async def says_nothing(self, writer):
        writer.write(OK + chunk(DONE) + chunk(b""))

    async def gives_up(self, writer):
        writer.write(OK + chunk(event("one")) + chunk(b'data: {"error": {"message": "the device was lost"}}\n\n') + chunk(b""))


class Relay(Background):
    """Stands between a client and a server on another port, lets the first event pass after `wait` seconds and
    one more in each `pace` seconds, and notes the times."""

    def __init__(self, port, wait, pace):
        self.target = port
        self.wait = wait
        self.pace = pace
        self.first, self.gaps, self.whole = [], [], []  # seconds, of all answers that are event streams

    async def serve(self, reader, writer):
        begin = time.monotonic()
        head, body = await read_request(reader)
        above, below = await asyncio.open_connection("127.0.0.1", self.target, limit=1 << 22)
        below.write(head.encode() + body)
        answer = await above.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if b"event-stream" not in answer or b"chunked" not in answer.lower():
            writer.write(await above.read())
            return await writer.drain()
        last = None
        rest = b""
        while size := int(await above.readline(), 16):
            rest += await above.readexactly(size)
            await above.readexactly(2)
            while b"\n\n" in rest:
                data, rest = rest.split(b"\n\n", 1)
                await asyncio.sleep(self.wait if last is None else self.pace)
                writer.write(chunk(data + b"\n\n"))
                await writer.drain()
                now = time.monotonic()
                if b"[DONE]" in data:
                    self.whole.append(now - begin)
                elif any(choice["text"] for choice in json.loads(data[6:])["choices"]):
                    if last is None:
                        self.first.append(now - begin)
                    else:
                        self.gaps.append(now - last)
                    last = now
        writer.write(chunk(b""))
        await writer.drain()
        below.close()
