"""A GPU that is reset under a running server is set up again, and one that stops is given up: never a hang."""
import os
import threading
import time

import common


def fault_file(args):
    """The file through which the fault layer is told what to do."""
    common.fault_layer(args)
    path = os.path.join(args.work_dir, "fault")
    if os.path.exists(path):
        os.remove(path)
    os.environ["FULMAR_FAULT_FILE"] = path
    return path


def misbehave(path, words):
    with open(path + ".new", "w") as f:
        f.write(words)
    os.replace(path + ".new", path)


def ask(server, **more):
    return server.post("/v1/completions", {"prompt": "to be or not", "max_tokens": 12, "temperature": 1, "seed": 7,
                                           "ignore_eos": True, **more})


def wait_for_health(server, status):
    deadline = time.monotonic() + 60
    while True:
        now, body = server.get("/health")
        if now == status:
            return body
        common.check(time.monotonic() < deadline, f"/health says {now}, not {status}: {body}")
        time.sleep(0.05)


def wait_until_given_up(server):
    """What /health says once the engine has decided that the device stays lost."""
    deadline = time.monotonic() + 60
    while True:
        message = wait_for_health(server, 503)["error"]["message"]
        if "restart the server" in message:
            return message
        common.check(time.monotonic() < deadline, f"the engine does not decide: {message}")
        time.sleep(0.05)


def reset(args, model, fault):
    with common.Server(args, model, "--vocab", "bytes", "--strategy", "vulkan:0 fp32", "--slots", "4") as server:
        status, before = ask(server)
        common.check(status == 200, f"the request before: {before}")
        answers = []
        long = threading.Thread(target=lambda: answers.append(ask(server, max_tokens=100000)))
        long.start()
        while server.get("/health")[1].get("live", 1) == 0:
            time.sleep(0.01)
        misbehave(fault, "lose_submit=3")
        long.join()
        status, answer = answers[0]
        common.check(status == 503 and answer["error"]["code"] == "device_lost", f"under way: {status} {answer}")
        wait_for_health(server, 200)
        status, after = ask(server)
        common.check(status == 200, f"the request after: {after}")
        common.check(after["choices"] == before["choices"], f"another text than before: {after} {before}")

        misbehave(fault, "lose_wait=2")  # again at once: more than a slip
        common.check(ask(server, max_tokens=100000)[0] == 503, "lost again")
        wait_until_given_up(server)
        common.check(ask(server)[0] == 503, "requests are refused")
        common.check(server.stop() == 0, f"it ends as asked: {server.stderr()}")


def stopped(args, model, fault):
    with common.Server(args, model, "--vocab", "bytes", "--strategy", "vulkan:0 fp32", env={"FULMAR_GPU_TIMEOUT": "8"}) as server:
        common.check(ask(server)[0] == 200, "the request before")
        misbehave(fault, "stop=2")
        status, answer = ask(server, max_tokens=100000)
        common.check(status == 503 and answer["error"]["code"] == "device_lost", f"under way: {status} {answer}")
        message = wait_until_given_up(server)
        common.check("FULMAR_GPU_TIMEOUT" in message, message)
        common.check(ask(server)[0] == 503, "requests are refused")
        common.check(server.stop(timeout=30) == 0, f"it ends as asked: {server.stderr()}")


def main():
    args = common.parse_args()
    fault = fault_file(args)
    model = common.make_model(args, "small.safetensors", L=2, C=64, N=32, F=128, V=256)
    reset(args, model, fault)
    stopped(args, model, fault)


main()
