"""One client cannot raise the server's memory past the bounds of docs/http-api.md, nor keep others from being served."""
import argparse
import concurrent.futures
import json
import multiprocessing
import os
import resource
import select
import socket
import threading
import time

import common

MIB = 2**20
BODIES = 256 * MIB  # of all requests together, as documented
SLACK = 48 * MIB    # of the allocator, and of what the model itself takes
JOINED = 2 * 16 * MIB  # of the two threads that read bodies: a body may lie there twice for a moment


def connect(server):
    return socket.create_connection((server.host, server.port), timeout=common.LOAD_SECONDS)


def ask_health(host, port, stop, told):
    """Asks until told otherwise, then tells the slowest answer and those that were none."""
    slowest, wrong = 0, []
    told.put("ready")
    while not stop.wait(0.02):
        began = time.monotonic()
        try:
            with socket.create_connection((host, port), timeout=common.LOAD_SECONDS) as connection:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = connection.recv(4096)
        except OSError as error:
            answer = str(error).encode()
        slowest = max(slowest, time.monotonic() - began)
        if b" 200 " not in answer[:20]:
            wrong.append(answer[:100])
    told.put((slowest, wrong))


def health(server):
    """A process of its own asks, for here its thread would wait for a hundred others of one interpreter. The slowest answer
    is printed, not judged."""
    context = multiprocessing.get_context("spawn")
    stop, told = context.Event(), context.Queue()
    process = context.Process(target=ask_health, args=(server.host, server.port, stop, told))
    process.start()
    told.get(timeout=common.LOAD_SECONDS)

    def end():
        stop.set()
        slowest, wrong = told.get(timeout=common.LOAD_SECONDS)
        process.join()
        common.check(not wrong, f"/health answers meanwhile: {wrong[:3]}")
        return slowest * 1000

    return end


class Watch:
    """How much the server's memory grew at most while the block ran."""

    def __init__(self, server, what, most):
        self.server, self.what, self.most = server, what, most

    def __enter__(self):
        self.before = self.peak = self.server.resident_bytes() or 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        self.health = health(self.server)

    def _look(self):
        while not self.done.wait(0.01):
            self.peak = max(self.peak, self.server.resident_bytes() or 0)

    def __exit__(self, failure, *_):
        self.done.set()
        self.thread.join()
        slowest = self.health()
        if failure:
            return
        grown = self.peak - self.before
        print(f"{self.what}: memory grew by {grown / MIB:.0f} MiB, slowest /health {slowest:.0f} ms", flush=True)
        common.check(grown <= self.most, f"{self.what}: memory grew by {grown / MIB:.0f} MiB, {self.most / MIB:.0f} are allowed")


def post(body=b"", *headers):
    lines = [b"POST /v1/completions HTTP/1.1", b"Host: localhost", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def send_until_closed(connection, piece, most):
    """Bytes the server took before it closed the connection."""
    taken = 0
    try:
        while taken < most:
            taken += connection.send(piece)
    except OSError:
        pass
    return taken


def endless(server, what, beginning):
    with Watch(server, f"endless {what}", SLACK):
        with connect(server) as connection:
            connection.sendall(post(beginning, b"Transfer-Encoding: chunked"))
            send_until_closed(connection, b"a" * 65536, 400 * MIB)
            try:
                answer = connection.recv(65536)
                common.check(not answer or b" 431 " in answer, f"it is refused: {answer[:100]}")
            except OSError:  # closed with bytes on their way
                pass


def bodies(server):
    def send(_):
        with connect(server) as connection:
            try:
                connection.sendall(post(b"", b"Content-Length: %d" % (15 * MIB)))
                connection.sendall(b" " * (15 * MIB - 1))
                while not held.is_set() and not select.select([connection], [], [], 0.05)[0]:
                    pass  # none of them ends, but for those that are told to come again
                connection.sendall(b"x")
            except OSError:
                pass
            try:
                return connection.recv(12)[9:12]
            except OSError:
                return b""

    def whole():
        with connect(server) as connection:
            connection.sendall(post(b" " * (15 * MIB - 1) + b"x", b"Content-Length: %d" % (15 * MIB)))
            return connection.recv(12)[9:12]

    held = threading.Event()
    for _ in range(4):  # what came and went before must not change what becomes of freed memory
        common.check(whole() == b"400", "a large body is read, and is no JSON")
    with Watch(server, "100 bodies of 15 MiB", BODIES + JOINED + SLACK // 2):
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            answers = [pool.submit(send, n) for n in range(100)]
            deadline = time.monotonic() + 60
            while sum(answer.done() for answer in answers) < 80 and time.monotonic() < deadline:  # the refused ones
                time.sleep(0.05)
            common.check(server.complete(prompt="small", max_tokens=1) is not None, "a small request is served meanwhile")
            held.set()
            statuses = [answer.result() for answer in answers]
    common.check(b"503" in statuses, f"some are told to come again: {set(statuses)}")
    common.check({b"503", b"400", b"408", b""} >= set(statuses), f"the others are read, or are slow: {set(statuses)}")
    common.check(whole() == b"400", "the memory they took is there for the next")


def idle(server, count):
    with Watch(server, f"{count} idle connections", count * 16 * 1024 + SLACK):
        connections = [connect(server) for _ in range(count)]
        for connection in connections[: count // 2]:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for connection in connections[: count // 2]:
            common.check(b" 200 " in connection.recv(4096), "each is answered")
        time.sleep(0.5)
        for connection in connections:
            connection.close()


def slow_reader(server):
    body = json.dumps({"prompt": "a", "n": 128, "max_tokens": 1000000, "ignore_eos": True, "stream": True, "temperature": 1}).encode()
    with Watch(server, "a reader of 10 KB/s on n=128", 32 * MIB + SLACK):
        with connect(server) as connection:
            connection.sendall(post(body, b"Content-Length: %d" % len(body)))
            for _ in range(30):
                if not connection.recv(1000):
                    break
                time.sleep(0.1)
    deadline = time.monotonic() + 60
    while True:
        _, state = server.get("/health")
        if state["live"] + state["queued"] == 0:
            break
        common.check(time.monotonic() < deadline, f"its places are free again: {state}")
        time.sleep(0.1)


def few_descriptors(args, model):
    """Past the limit of connections clients are told so, whatever the system allows."""
    wrapper = os.path.join(args.work_dir, "limited.sh")
    with open(wrapper, "w") as f:
        f.write(f'#!/bin/sh\nulimit -n 256\nexec "{args.fulmar}" "$@"\n')
    os.chmod(wrapper, 0o755)
    limited = argparse.Namespace(**{**vars(args), "fulmar": wrapper})
    with common.Server(limited, model, "--vocab", "bytes", "--strategy", "cpu fp32") as server:
        connections = [connect(server) for _ in range(140)]
        answers = []
        for connection in connections[-5:]:
            connection.settimeout(common.LOAD_SECONDS)
            answers.append(connection.recv(4096))
        common.check(all(b" 503 " in answer and b"Retry-After" in answer for answer in answers), f"told so: {answers}")
        common.check("open files" in server.stderr(), f"the log says why: {server.stderr()}")
    print("256 descriptors: the 129th connection is answered 503", flush=True)


def main():
    args = common.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4400
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    count = 4000 if resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= wanted else 500
    model = common.make_model(args, "small.safetensors", L=2, C=64, N=32, F=128, V=256)
    with common.Server(args, model, "--vocab", "bytes", "--strategy", "cpu fp32") as server:
        if server.resident_bytes() is None:
            common.skip("the system does not tell a process's memory")
        server.complete(prompt="warm", max_tokens=4)
        endless(server, "chunk extension", b"1;")
        endless(server, "trailer", b"0\r\nX: ")
        idle(server, count)
        slow_reader(server)
        bodies(server)
        common.check(server.stop() == 0, "SIGTERM ends the server with 0")
    few_descriptors(args, model)


if __name__ == "__main__":
    main()
