"""Sessions through a real server: what survives its end, where the file lies, files of states, and the lines of docs/sessions.md."""
import json
import os
import random
import stat
import threading
import time

import common
import session_client
from session_client import chat, new_file, request, serve, told
from test_serve import documented


def survives(args):
    """A conversation goes on after a stop, after an import elsewhere, and in a server where it has fallen out of memory."""
    file = new_file(args, "survives.db")
    with serve(args, file, "--l1-sessions", "1", "--l2-sessions", "1") as server:
        first = chat(server, "talk", "What is 23 + 45?")
        for i in range(4):
            chat(server, f"other {i}", f"What is {i} + 2?")
        end = time.monotonic() + 20  # it stays in memory until it is written, which waits for a moment without turns
        while told(server, "talk")["cache_level"] != "Database (Disk)" and time.monotonic() < end:
            time.sleep(0.05)
        common.check(told(server, "talk")["cache_level"] == "Database (Disk)", f"{told(server, 'talk')}")
        status, headers, state = request(server, "GET", "/state/export/talk")
        common.check(status == 200 and 'filename="talk.state.safetensors"' in headers["Content-Disposition"], f"{headers}")
        status, _, half = request(server, "GET", "/state/export/talk?precision=f16")
        common.check(status == 200 and len(state) * 0.45 < len(half) < len(state) * 0.6, f"{len(half)} of {len(state)}")
        server.post("/state/fork", {"from": "talk", "to": "copy"})
        second = chat(server, "talk", "And what is 7 + 8?")
        common.check(chat(server, "copy", "And what is 7 + 8?") == second, "a fork goes on as the first does")
        common.check(server.stop() == 0, "it stops")
    with serve(args, file) as server:
        third = chat(server, "talk", "Thank you.")
        status, health = server.get("/health")
        common.check(health["sessions"]["count"] == 6 and health["sessions"]["reads"] >= 1, f"{health['sessions']}")
        common.check(health["sessions"]["file_bytes"] > 0, f"{health['sessions']}")
    with common.Server(args, session_client.demo(args), *session_client.WORDS) as other:
        for name, body in (("talk", state), ("half", half)):
            status, _, answer = request(other, "POST", f"/state/import?session_id={name}", body)
            common.check(status == 200 and json.loads(answer)["session_id"] == name, f"{answer}")
        common.check(chat(other, "talk", "And what is 7 + 8?") == second, "an imported one goes on as the first does")
        common.check(chat(other, "talk", "Thank you.") == third, "and further")
        chat(other, "half", "And what is 7 + 8?")
        status, answer = other.post("/state/mix", {"states": ["talk", "half"], "weights": [0.7, 0.3], "to": "mixed"})
        common.check(status == 200, f"{answer}")
        chat(other, "mixed", "What is 1 + 1?")
        damaged(other, state)
    print("ok: a conversation goes on,", first, second, third, flush=True)


def damaged(server, state):
    """A bit anywhere, or a piece that is missing: one sentence, and no session."""
    chance = random.Random(1)
    for i in range(40):
        body = bytearray(state)
        if i % 4 == 3:
            del body[chance.randrange(len(body)):]
        else:
            at = chance.randrange(len(body) if i % 4 else 600)
            body[at] ^= 1 << chance.randrange(8)
        status, _, answer = request(server, "POST", f"/state/import?session_id=damaged", bytes(body))
        common.check(status == 400 and json.loads(answer)["error"]["message"], f"{i}: {status} {answer}")
    common.check(told(server, "damaged") is None, "nothing of it was kept")
    status, _, answer = request(server, "POST", "/state/import", b"x" * (24 << 20))
    common.check(status == 413, f"{status} {answer}")
    for path in ("/state/%00", "/state/" + "x" * 300, "/state/export/" + "%27;DROP%20TABLE%20sessions", "/state/..%2f..%2fetc"):
        status, _, answer = request(server, "GET", path)
        common.check(status in (400, 404) and json.loads(answer)["error"]["message"], f"{path}: {status} {answer}")


def places(args):
    """The file lies in a folder of the user's own; without a home sessions are in memory, which is said once; one server has
    a file, and what is no store is told before anything is loaded."""
    data = os.path.join(args.work_dir, "home")
    default = os.path.join(data, "fulmar", "sessions.db")
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(default + suffix):
            os.remove(default + suffix)
    words = ["serve", "--model", "/nonexistent", "--port", "0"]
    done = common.run(args, *words, env={"XDG_DATA_HOME": data})
    common.check(done.returncode != 0 and b"/nonexistent" in done.stderr, f"{done.stderr}")
    common.check(os.path.exists(default), "the store is there before the model")
    common.check(stat.S_IMODE(os.stat(os.path.dirname(default)).st_mode) == 0o700, "nobody else reads the folder")
    done = common.run(args, *words, env={"XDG_DATA_HOME": "", "HOME": ""})
    common.check(done.stderr.count(b"sessions are kept in memory only") == 1, f"{done.stderr}")
    file = new_file(args, "one.db")
    with serve(args, file):
        done = common.run(args, *words, "--sessions", file)
        common.check(done.returncode == 1 and file.encode() in done.stderr and b"/nonexistent" not in done.stderr, f"{done.stderr}")
    with serve(args, default):  # another server of this user, that names no file
        done = common.run(args, *words, env={"XDG_DATA_HOME": data})
        common.check(b"kept in memory only" in done.stderr and b"/nonexistent" in done.stderr, f"{done.stderr}")
    foreign = new_file(args, "foreign.db")
    with open(foreign, "wb") as f:
        f.write(b"a letter to a friend\n" * 100)
    for path in (foreign, args.work_dir, os.path.join(args.work_dir, "no", "such", "folder", "x.db")):
        done = common.run(args, *words, "--sessions", path)
        common.check(done.returncode in (1, 2) and path.encode() in done.stderr and b"/nonexistent" not in done.stderr,
                     f"{path}: {done.returncode} {done.stderr}")
    with open(foreign, "rb") as f:
        common.check(f.read().startswith(b"a letter to a friend"), "what is another's stays as it is")
    print("ok: places", flush=True)


def replaced(args):
    """A session that becomes another one while its turn runs stays that, and the turn says so."""
    with serve(args, "none") as server:
        chat(server, "other", "What is 23 + 45?")
        chat(server, "talk", "What is 1 + 2?")
        answers = []
        body = {"prompt": " And", "session_id": "talk", "max_tokens": 3000, "ignore_eos": True}
        turn = threading.Thread(target=lambda: answers.append(server.post("/v1/completions", body)))
        turn.start()
        while server.get("/health")[1]["live"] == 0 and turn.is_alive():
            time.sleep(0.01)
        status, answer = server.post("/state/fork", {"from": "other", "to": "talk", "replace": True})
        common.check(status == 200, f"{answer}")
        turn.join()
        status, answer = answers[0]
        common.check(status == 409 and answer["error"]["code"] == "conflict", f"{status} {answer}")
        common.check(told(server, "talk")["text"] == told(server, "other")["text"], "the fork stays")
        common.check(server.stop() == 0, "it stops")
    print("ok: replaced", flush=True)


def main():
    args = common.parse_args()
    places(args)
    survives(args)
    replaced(args)
    os.chdir(args.work_dir)  # where the document's lines leave their files
    with serve(args, new_file(args, "documented.db")) as server:
        documented(args, server, os.path.join("docs", "sessions.md"))


if __name__ == "__main__":
    main()
