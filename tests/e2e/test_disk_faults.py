"""A disk that is full, or that fails to sync: clients are told, others go on, nothing refused comes back and nothing kept is lost."""
import os
import time
import urllib.parse

import common
import session_client

# A library that stands before the system's and lets files fail, as the file FULMAR_DISK_FAULT says.
FAULTS = os.path.join(os.environ.get("FULMAR_FAULT_LAYER", ""), "..", "state", "libfulmar_disk_faults.so")


class Disk:
    def __init__(self, args, name):
        self.file = session_client.new_file(args, f"{name}.db")
        if os.path.exists(self.file + "-reserve"):
            os.remove(self.file + "-reserve")
        self.fault = os.path.join(args.work_dir, f"{name}.fault")
        self.is_now("")

    def is_now(self, fault):
        with open(self.fault, "w") as f:
            f.write(fault)

    def serve(self, args):
        """A server on this disk."""
        return common.Server(args, session_client.demo(args), "--sessions", self.file, *session_client.WORDS,
                             env={"LD_PRELOAD": os.path.abspath(FAULTS), "FULMAR_DISK_FAULT": self.fault,
                                  "ASAN_OPTIONS": "verify_asan_link_order=0"})


def turn(server, session, prompt=" and", tokens=4):
    """(status, answer) of one more turn."""
    return server.post("/v1/completions", {"session_id": session, "prompt": prompt, "max_tokens": tokens, "temperature": 0,
                                           "ignore_eos": True})


def kept(server, session, **more):
    status, answer = turn(server, session, **more)
    common.check(status == 200, f"{session}: {status} {answer}")


def text(server, session):
    found = session_client.told(server, session)
    return found and found["text"]


def last_error(server):
    status, health = server.get("/health")
    common.check(status == 200, f"/health: {status} {health}")
    return health["sessions"]["last_error"]


def is_told(server, session, sentence):
    """A turn is refused, in one piece and as a stream, by a sentence; so it is on /health; and requests without a session go on."""
    before = text(server, session)
    status, answer = turn(server, session)
    common.check(status == 503 and sentence in answer["error"]["message"], f"{status} {answer}")
    events, ended = [], None
    try:
        for event in server.stream("/v1/completions", {"session_id": session, "prompt": " or", "max_tokens": 3}):
            events.append(event)
    except RuntimeError as error:
        ended = str(error)
    common.check(any(sentence in event.get("error", {}).get("message", "") for event in events),
                 f"a stream ends with an error event: {events} {ended}")
    common.check(text(server, session) == before, "the session is what it was")
    common.check(sentence in (last_error(server) or ""), f"/health says so: {last_error(server)}")
    status, answer = turn(server, None)
    common.check(status == 200, f"a request without a session goes on: {status} {answer}")


def recovers(server):
    deadline = time.monotonic() + 30
    while last_error(server) is not None:
        common.check(time.monotonic() < deadline, f"/health still says {last_error(server)}")
        time.sleep(0.1)


def fill(server, session):
    """Turns until the disk is full; the session's text then."""
    for _ in range(500):
        status, answer = turn(server, session)
        if status != 200:
            return text(server, session)
    common.check(False, "the disk was never full")


def no_sync(args):
    disk = Disk(args, "sync")
    with disk.serve(args) as server:
        kept(server, "talk")
        kept(server, "other")
        before = text(server, "talk")
        disk.is_now("sync")
        is_told(server, "talk", "could not be kept")
        common.check(turn(server, "new")[0] == 503, "nor is a session begun")
        disk.is_now("")
        recovers(server)
        kept(server, "talk")
        after = text(server, "talk")
        common.check(after.startswith(before + " and") and " or" not in after[len(before):], f"{before!r} {after!r}")
        disk.is_now("sync")
        is_told(server, "talk", "could not be kept")
        common.check(turn(server, "new")[0] == 503, "nor is a session begun")
        server.kill()
    with disk.serve(args) as server:  # the disk fails still, and is read
        common.check(text(server, "talk") == after, f"{after!r} {text(server, 'talk')!r}")
        common.check(text(server, "new") is None, "what was refused came back")
        common.check(text(server, "other") is not None, "what was kept is lost")
        disk.is_now("")
        kept(server, "talk")
    print("ok: a disk that cannot sync", flush=True)


def full(args):
    disk = Disk(args, "full")
    with disk.serve(args) as server:
        kept(server, "old", prompt=" one two three" * 2000)
        kept(server, "talk")
        disk.is_now("full")
        filled = fill(server, "talk")
        is_told(server, "talk", "the disk is full")
        server.kill()
    with disk.serve(args) as server:
        common.check(text(server, "talk") == filled, "nothing that was kept is lost, and nothing refused came back")
        common.check(fill(server, "talk") == filled, "the disk is full still")
        is_told(server, "talk", "the disk is full")
        status, _, answer = session_client.request(server, "DELETE", "/state/" + urllib.parse.quote("old"))
        common.check(status == 200, f"a session can be deleted on a full disk: {status} {answer}")
        recovers(server)
        kept(server, "talk")
        after = text(server, "talk")
        common.check(after.startswith(filled + " and"), "and the others go on")
        server.kill()
    disk.is_now("")
    with disk.serve(args) as server:
        common.check(text(server, "talk") == after and text(server, "old") is None, "as it was when the server was killed")
        kept(server, "talk")
        common.check(last_error(server) is None, f"{last_error(server)}")
        common.check(server.stop() == 0, "and the server ends in good order")
    print("ok: a full disk", flush=True)


def main():
    args = common.parse_args()
    if not os.path.exists(FAULTS):
        common.skip("the library of failing disks was not built")
    no_sync(args)
    full(args)


if __name__ == "__main__":
    main()
