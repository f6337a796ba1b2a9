"""Clients that vanish mid-stream cost nothing, and streams side by side do not disturb each other."""
import concurrent.futures
import json
import socket
import struct
import time

import common

CLIENTS = 1000
AT_ONCE = 50
STREAMS = 64


def vanish(server, number):
    """Starts a long stream, reads its beginning, and drops the connection: abruptly every second time."""
    body = json.dumps({"prompt": f"client {number}", "max_tokens": 100000, "stream": True, "ignore_eos": True,
                       "temperature": 1, "seed": number}).encode()
    with socket.create_connection((server.host, server.port), timeout=common.LOAD_SECONDS) as connection:
        connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
        head = b""
        while b"data: " not in head:
            part = connection.recv(4096)
            if not part:
                raise RuntimeError(f"client {number}: no stream came: {head!r}")
            head += part
        if number % 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST, not FIN


def live(server):
    status, health = server.get("/health")
    common.check(status == 200, f"/health is well: {health}")
    return health["live"] + health["queued"]


def wait_until_idle(server, what):
    deadline = time.monotonic() + 60
    while live(server):
        common.check(time.monotonic() < deadline, f"{what}: {live(server)} requests still hold slots")
        time.sleep(0.05)


def disconnects(server):
    def many(first, count):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda n: vanish(server, n), range(first, first + count)))

    many(0, 2 * CLIENTS)  # until buffers, programs and the allocator's pools have found their sizes
    wait_until_idle(server, "warming up")
    # A leak grows with every thousand; a batch shape met for the first time costs its program once. So of up to four
    # waves one must leave less than 6 KiB a client behind, less than one stream's buffers.
    for wave in range(2, 6):
        before = server.resident_bytes()
        many(wave * CLIENTS, CLIENTS)
        wait_until_idle(server, f"{CLIENTS} clients gone")
        after = server.resident_bytes()
        if before is None:
            break
        grown = (after - before) / 2**20
        print(f"{CLIENTS} clients came and went: memory grew by {grown:.1f} MiB of {before / 2**20:.0f} MiB", flush=True)
        if grown < 6:
            break
    else:
        common.check(False, f"memory grew with every {CLIENTS} clients, at last by {grown:.1f} MiB")
    common.check(server.complete(prompt="still", max_tokens=4, temperature=0) is not None, "the server still answers")


def parallel_streams(server):
    def ask(number):
        return server.complete(stream=number % 2 == 0, prompt=f"stream number {number}: " + "ab" * (number % 9),
                               max_tokens=40, temperature=1, top_p=0.9, seed=number)

    alone = [ask(n) for n in range(STREAMS)]
    common.check(len(set(alone)) > STREAMS // 2, "different seeds give different texts")
    with concurrent.futures.ThreadPoolExecutor(STREAMS) as pool:
        together = list(pool.map(ask, range(STREAMS)))
    different = [n for n in range(STREAMS) if alone[n] != together[n]]
    common.check(not different, f"streams {different} read otherwise in company: {alone[different[0]]!r} and "
                 f"{together[different[0]]!r}" if different else "")
    print(f"{STREAMS} streams side by side: each as alone", flush=True)


def main():
    args = common.parse_args()
    # The byte vocabulary has a text for every id, so nothing ends a stream but its length.
    model = common.make_model(args, "small.safetensors", L=2, C=64, N=32, F=128, V=256)
    for strategy in common.strategies(args, "cpu fp32", "vulkan fp32"):
        with common.Server(args, model, "--vocab", "bytes", "--strategy", strategy, "--slots", str(STREAMS),
                           "--prefix-cache", "0") as server:
            print(strategy, flush=True)
            parallel_streams(server)
            disconnects(server)
            common.check(server.stop() == 0, "SIGTERM ends the server with 0")


if __name__ == "__main__":
    main()
