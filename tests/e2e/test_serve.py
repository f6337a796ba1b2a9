"""What a user types works: every curl line of the README and of docs/http-api.md, ending the server, and a machine without Vulkan."""
import http.client
import os
import re
import signal
import subprocess
import threading
import time

import common
from curl_lines import documented

NO_VULKAN = {"VK_DRIVER_FILES": "/nonexistent", "VK_ICD_FILENAMES": "/nonexistent"}


def drains(args, model):
    """SIGTERM lets an answer under way end, refuses new ones, and the exit code is 0."""
    with common.Server(args, model, "--vocab", "bytes", "--strategy", "cpu fp32", "--drain-seconds", "60") as server:
        begun, pieces, errors = threading.Event(), [], []

        def read():
            try:
                for event in server.stream("/v1/completions", {"prompt": "a", "max_tokens": 2000, "seed": 1}):
                    pieces.append(event["choices"][0])
                    begun.set()
            except Exception as error:  # told below
                errors.append(error)
                begun.set()

        reader = threading.Thread(target=read)
        reader.start()
        begun.wait(common.LOAD_SECONDS)
        code = server.stop(timeout=120)
        reader.join()
        common.check(not errors, f"the stream under way was cut: {errors}")
        common.check(pieces[-1]["finish_reason"] == "length", f"the stream ended in good order: {pieces[-1]}")
        common.check(code == 0, f"exit code 0, not {code}")
    print("ok: SIGTERM drains", flush=True)


def signals(args, model):
    """A second signal ends the server at once with 1, and a closed stdout does not end it."""
    with common.Server(args, model, "--vocab", "bytes", "--strategy", "cpu fp32", "--drain-seconds", "600") as server:
        under_way = server.stream("/v1/completions", {"prompt": "a", "max_tokens": 1000000, "ignore_eos": True})
        next(under_way)
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        common.check(server.process.wait(60) == 1, "a second signal ends the server, whatever is under way")
        common.check("stopping" in server.stderr() and "second signal" in server.stderr(), "both signals leave a line")
    reader, writer = os.pipe()
    os.close(reader)
    with open(os.path.join(args.work_dir, "unheard.log"), "w+b") as log:
        process = subprocess.Popen([args.fulmar, "serve", "--model", model, "--port", "0", "--vocab", "bytes"],
                                   stdout=writer, stderr=log)
        os.close(writer)
        deadline = time.monotonic() + common.LOAD_SECONDS
        while b"nobody reads stdout" not in open(log.name, "rb").read() and time.monotonic() < deadline:
            time.sleep(0.05)
        common.check(process.poll() is None, "a server whose first line nobody reads goes on")
        process.send_signal(signal.SIGTERM)
        common.check(process.wait(60) == 0, "and ends in good order")
    print("ok: signals", flush=True)


def without_vulkan(args, model):
    devices = common.output(args, "devices", env=NO_VULKAN).decode()
    common.check("no Vulkan" in devices and "vulkan:0" not in devices and "cpu" in devices, f"devices says so: {devices}")
    with common.Server(args, model, "--vocab", "bytes", env=NO_VULKAN) as server:
        said = [line for line in server.stderr().splitlines() if "no Vulkan" in line or "without Vulkan" in line]
        common.check(len(said) == 1 and "CPU" in said[0], f"one line says that the CPU serves: {server.stderr()}")
        status, health = server.get("/health")
        common.check(status == 200 and health["strategy"].startswith("cpu"), f"the CPU serves: {health}")
        server.complete(prompt="a", max_tokens=3)
    done = common.run(args, "serve", "--model", model, "--vocab", "bytes", "--port", "0", "--strategy", "vulkan fp32",
                      env=NO_VULKAN)
    common.check(done.returncode == 1 and b"fulmar: " in done.stderr, f"a named device is not replaced: {done.stderr}")
    print("ok: without Vulkan", flush=True)


def password(args, model):
    with common.Server(args, model, "--vocab", "bytes", "--strategy", "cpu fp32", "--password", "open-sesame") as server:
        connection = server.connect()
        answers = []
        for key in (None, "Bearer wrong", "Bearer open-sesame"):
            connection.request("GET", "/v1/models", headers={"Authorization": key} if key else {})
            answer = connection.getresponse()
            answer.read()
            answers.append(answer.status)
        common.check(answers == [401, 401, 200], f"--password is asked for: {answers}")
        answers = [server.post("/state/status", body)[0] for body in ({}, {"password": "wrong"}, {"password": "open-sesame"})]
        common.check(answers == [401, 401, 200], f"rwkv_lightning's clients send it in the body: {answers}")
    kept = os.path.join(args.work_dir, "password")
    with open(kept, "w") as f:
        f.write("sesame\nanother line\n")
    for words, env in ((["--password-file", kept], {"FULMAR_PASSWORD": "not this one"}), ([], {"FULMAR_PASSWORD": "sesame"})):
        with common.Server(args, model, "--vocab", "bytes", "--strategy", "cpu fp32", *words, env=env) as server:
            connection = server.connect()
            connection.request("GET", "/v1/models", headers={"Authorization": "Bearer sesame"})
            first = connection.getresponse()
            first.read()
            connection.request("GET", "/v1/models", headers={"Authorization": "Bearer not this one"})
            common.check([first.status, connection.getresponse().status] == [200, 401], f"{words} {env} gives the password")
    for words, warned in (([], True), (["--password", "sesame"], False)):
        with common.Server(args, model, "--vocab", "bytes", "--strategy", "cpu fp32", "--host", "0.0.0.0", *words) as server:
            common.check(("no password is set" in server.stderr()) == warned, f"an open door is told: {words} {server.stderr()}")
    print("ok: password", flush=True)


def unread_log(args, model):
    """A log that nobody reads (a stopped terminal, a full pipe) holds up neither requests nor the end."""
    process = subprocess.Popen([args.fulmar, "serve", "--model", model, "--port", "0", "--vocab", "bytes", "--strategy",
                                "cpu fp32"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        host, port = re.match(rb"listening on http://(.+):(\d+)", process.stdout.readline()).groups()
        connection = http.client.HTTPConnection(host.decode(), int(port), timeout=common.LOAD_SECONDS)
        for _ in range(4000):  # 64 KiB of lines are a full pipe
            connection.request("GET", "/health")
            answer = connection.getresponse()
            answer.read()
            common.check(answer.status == 200, f"/health answers: {answer.status}")
        connection.close()
        process.send_signal(signal.SIGTERM)
        common.check(process.wait(common.LOAD_SECONDS) == 0, "and SIGTERM ends it in good order")
    finally:
        process.kill()
        process.communicate()
    print("ok: a log that nobody reads", flush=True)


def quiet(args, model):
    """With --log-level error a start that goes well writes nothing on stderr; without, how far the model is loaded."""
    for words, silent in ((["--log-level", "error"], True), ([], False)):
        process = subprocess.Popen([args.fulmar, "serve", "--model", model, "--vocab", "bytes", "--strategy", "cpu fp32", "--port",
                                    "0", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        common.check(b"listening" in process.stdout.readline(), "it starts")
        process.send_signal(signal.SIGTERM)
        stderr = process.communicate(timeout=common.LOAD_SECONDS)[1]
        common.check((b"loading" not in stderr) == silent, f"{words}: {stderr}")
        common.check(not silent or stderr == b"", f"{words}: {stderr}")
    print("ok: --log-level error", flush=True)


def main():
    args = common.parse_args()
    model = common.make_model(args, "small.safetensors", L=2, C=64, N=32, F=128, V=256)
    with common.Server(args, model, "--vocab", "bytes") as server:
        documented(args, server, "README.md")
        documented(args, server, os.path.join("docs", "http-api.md"))
        started = time.monotonic()
        common.check(server.stop() == 0, "an idle server ends with 0")
        common.check(time.monotonic() - started < 30, "an idle server has nothing to wait for")
    drains(args, model)
    signals(args, model)
    without_vulkan(args, model)
    password(args, model)
    unread_log(args, model)
    quiet(args, model)


if __name__ == "__main__":
    main()
