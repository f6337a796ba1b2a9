"""What the end-to-end tests share: arguments, checks, made models, and a server to start, ask and stop."""
import argparse
import http.client
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time

SKIPPED = 77
LOAD_SECONDS = 300  # how long a server may take to be ready on a busy machine


def parse_args():
    """--fulmar PROGRAM --source-dir TREE --work-dir FOLDER; makes the folder and the tree's Python importable."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fulmar", required=True)
    parser.add_argument("--source-dir", required=True)
    parser.add_argument("--work-dir", required=True)
    args = parser.parse_args()
    os.makedirs(args.work_dir, exist_ok=True)
    sys.path[:0] = [os.path.join(args.source_dir, "tools"), os.path.join(args.source_dir, "tests", "reference")]
    # A program built outside the tree would not find what ships with it.
    # What a command keeps of the user's own, as sessions, is this test's alone.
    os.environ["XDG_DATA_HOME"] = os.path.join(os.path.abspath(args.work_dir), "data")
    os.environ.setdefault("FULMAR_DATA", os.path.join(os.path.abspath(args.source_dir), "models"))
    return args


def shared_models(args):
    """The folder of trained models beside the tree, or None."""
    folder = os.path.join(args.source_dir, "..", "shared", "models")
    return folder if os.path.isdir(folder) else None


def skip(why):
    print("skipped:", why, flush=True)
    sys.exit(SKIPPED)


def check(holds, message):
    if not holds:
        print("FAILED:", message, flush=True)
        sys.exit(1)


def run(args, *words, stdin=b"", env=None, timeout=LOAD_SECONDS):
    """The finished `fulmar` process, with stdout and stderr as bytes."""
    return subprocess.run([args.fulmar, *words], input=stdin, capture_output=True, timeout=timeout,
                          env={**os.environ, **(env or {})})


def output(args, *words, **more):
    done = run(args, *words, **more)
    check(done.returncode == 0, f"fulmar {' '.join(words)[:200]} ended with {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def fault_layer(args):
    """Puts the layer that makes software devices fail before the driver; its faults are told by FULMAR_FAULTS."""
    layer = "VK_LAYER_FULMAR_faults"
    folder = os.environ.get("FULMAR_FAULT_LAYER", "")
    if not os.path.exists(os.path.join(folder, layer + ".json")):
        skip("the fault layer was not built")
    os.environ.update({"VK_ADD_LAYER_PATH": folder, "VK_INSTANCE_LAYERS": layer})
    if b"(software)" not in output(args, "devices").split(b"\n", 1)[0]:
        skip("vulkan:0 is not a software driver")


def has_vulkan(args):
    return b"vulkan:0" in output(args, "devices")


def strategies(args, *wanted):
    """Those of the wanted that this machine can run; says which it leaves out."""
    present = has_vulkan(args)
    for strategy in wanted:
        if strategy.startswith("vulkan") and not present:
            print(f"no Vulkan device: {strategy} is left out", flush=True)
    return [s for s in wanted if present or not s.startswith("vulkan")]


def make_model(args, name, dtype="f32", seed=1, **shape):
    """Writes a checkpoint with random weights into the work folder and answers its path."""
    import make_random_model
    path = os.path.join(args.work_dir, name)
    make_random_model.make(path, make_random_model.Shape(**shape), dtype, seed)
    return path


def demo_model(args):
    return os.path.join(args.source_dir, "models", "fulmar-demo.safetensors")


class Server:
    """`fulmar serve` on a free port, ready to be asked. Use in a with statement, which kills what was not stopped. Sessions
    are in memory unless the words say where: a file is one server's at a time."""

    def __init__(self, args, model, *words, env=None):
        sessions = [] if "--sessions" in words else ["--sessions", "none"]
        first = ["--model", model] if model else []
        command = [args.fulmar, "serve", *first, "--port", "0", *sessions, *words]
        self.log_path = os.path.join(args.work_dir, f"serve-{id(self)}.log")
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log,
                                        env={**os.environ, **(env or {})})
        lines = queue.Queue()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()
        deadline = time.monotonic() + LOAD_SECONDS
        self.host = None
        while self.host is None:
            try:
                line = lines.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                self.kill()
                check(False, f"{' '.join(command)} was never ready: {self.stderr()}")
            found = re.match(r"listening on http://(.+):(\d+)\s*$", line)
            if found:
                self.host, self.port = found.group(1), int(found.group(2))

    def _read(self, lines):
        for line in self.process.stdout:
            lines.put(line.decode())
        lines.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()

    def stderr(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode(errors="replace")

    def stop(self, timeout=60):
        """Asks the server to end, as a service manager does, and answers its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def connect(self, timeout=LOAD_SECONDS):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def get(self, path):
        """(status, parsed JSON)"""
        return self._ask("GET", path)

    def post(self, path, body):
        return self._ask("POST", path, json.dumps(body), {"Content-Type": "application/json"})

    def _ask(self, *request):
        connection = self.connect()
        try:
            connection.request(*request)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def stream(self, path, body):
        """Yields the parsed events of a streamed answer up to [DONE]."""
        connection = self.connect()
        try:
            connection.request("POST", path, json.dumps({**body, "stream": True}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {answer.read().decode()}")
            for line in answer:
                line = line.decode().rstrip("\r\n")
                if line.startswith("data: "):
                    if line == "data: [DONE]":
                        return
                    yield json.loads(line[6:])
            raise RuntimeError("the stream ended without [DONE]")
        finally:
            connection.close()

    def complete(self, stream=False, **body):
        """The text of one completion."""
        if stream:
            return "".join(choice["text"] for event in self.stream("/v1/completions", body) for choice in event["choices"])
        status, answer = self.post("/v1/completions", body)
        if status != 200:
            raise RuntimeError(f"{status}: {answer}")
        return answer["choices"][0]["text"]

    def resident_bytes(self):
        """Memory in RAM, or None where the system has no /proc."""
        try:
            with open(f"/proc/{self.process.pid}/status") as f:
                return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))
        except OSError:
            return None
