"""Runs a client program against a server with a small made model: with_server.py [test arguments] -- NEEDS [demo] CLIENT...

With the word demo it is the model that comes with the program. The client's command gets the server's base URL and password as its last words. NEEDS is a path that exists where the
client's package could be fetched; without it the test is skipped.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "e2e"))
import common  # noqa: E402

PASSWORD = "sesame"


def main():
    split = sys.argv.index("--")
    needs, *client = sys.argv[split + 1:]
    del sys.argv[split:]
    args = common.parse_args()
    if not os.path.exists(needs):
        common.skip(f"{needs} is absent: its package could not be fetched")
    words = []
    if client[0] == "demo":
        del client[0]
    else:
        words = ["--model", common.make_model(args, "small.safetensors", L=2, C=64, N=32, F=128, V=256), "--vocab", "bytes", "--strategy", "cpu fp32"]
    with common.Server(args, None, *words, "--password", PASSWORD) as server:
        url = f"http://{server.host}:{server.port}/v1"
        done = subprocess.run([*client, url, PASSWORD], timeout=common.LOAD_SECONDS)
        common.check(done.returncode == 0, f"{client[-1]} ended with {done.returncode}; the server said:\n{server.stderr()}")


main()
