"""SIGKILL at any moment loses nothing that a client saw end: eight sessions talk while the server is killed, again and again.

FULMAR_KILLS says how often, 20 by default; FULMAR_KILLS_SEED repeats a run's moments."""
import json
import os
import random
import threading
import time

import common
import session_client

SESSIONS = 8
TOKENS = 8  # of each answer
PROMPTS = ["What is 23 + 45?", "And then?", "Tell me a story.", "\n\nUser: Hello!\n\nAssistant:", " one two three"]
MESSAGES = ["What is 23 + 45?", "Hello!", "What is 7 + 8?", "Who are you?", "What is 60 + 8?", "Count to five.", "What comes next?",
            "What is 12 + 30?", "Thank you.", "Good bye."]


class Talker(threading.Thread):
    """Adds turns to one session until the server is gone. `text` is what the client knows to be there."""

    def __init__(self, server, name, text, tokens, seed):
        super().__init__(daemon=True)
        self.server, self.name, self.text, self.tokens = server, name, text, tokens
        self.random = random.Random(seed)
        self.turns, self.prompt, self.heard = 0, None, ""

    def run(self):
        while True:
            self.prompt, self.heard = self.random.choice(PROMPTS), ""
            try:
                for event in self.server.stream("/v1/completions", {
                        "session_id": self.name, "prompt": self.prompt, "max_tokens": TOKENS, "ignore_eos": True,
                        "temperature": 1, "seed": self.random.randrange(1 << 30)}):
                    self.heard += event["choices"][0]["text"]
            except (OSError, RuntimeError, ValueError, common.http.client.HTTPException):
                return  # the turn under way is `prompt`, and what was heard of it
            self.text += self.prompt + self.heard
            self.tokens += PROMPT_TOKENS[self.prompt] + TOKENS
            self.turns += 1
            self.prompt = None


PROMPT_TOKENS = {}


def check_session(server, talker):
    """All that ended is there; the turn under way is there to its end, or not at all. Answers (text, tokens)."""
    found = session_client.told(server, talker.name)
    if found is None:
        common.check(talker.text == "", f"{talker.name} is gone: {talker.text!r}")
        return "", 0
    text, tokens = found["text"], found["tokens"]
    if (text, tokens) == (talker.text, talker.tokens):
        return text, tokens
    common.check(talker.prompt is not None and text.startswith(talker.text + talker.prompt + talker.heard),
                 f"{talker.name} was altered:\nclient: {talker.text!r}\nunder way: {talker.prompt!r} {talker.heard!r}\n"
                 f"server: {text!r}")
    common.check(tokens == talker.tokens + PROMPT_TOKENS[talker.prompt] + TOKENS,
                 f"{talker.name} has half a turn: {tokens} tokens after {talker.tokens}, {talker.prompt!r}: {text!r}")
    return text, tokens


def kills(args, count, seed):
    print(f"{count} kills, seed {seed}", flush=True)
    chance = random.Random(seed)
    file = session_client.new_file(args, "kills.db")
    known = {f"talk {i}": ("", 0) for i in range(SESSIONS)}
    turns = kept = 0
    for kill in range(count):
        with session_client.serve(args, file, "--l1-sessions", "2", "--l2-sessions", "2") as server:
            if not PROMPT_TOKENS:
                for prompt in PROMPTS:
                    status, answer = server.post("/v1/completions", {"prompt": prompt, "max_tokens": 0})
                    common.check(status == 200, f"{answer}")
                    PROMPT_TOKENS[prompt] = answer["usage"]["prompt_tokens"]
            talkers = [Talker(server, name, *state, chance.random()) for name, state in known.items()]
            for talker in talkers:
                talker.start()
            time.sleep(chance.uniform(0.02, 1.2))
            server.process.kill()
            server.process.wait()
            for talker in talkers:
                talker.join(common.LOAD_SECONDS)
        turns += sum(talker.turns for talker in talkers)
        with session_client.serve(args, file) as server:
            for talker in talkers:
                known[talker.name] = check_session(server, talker)
                kept += known[talker.name][1] > talker.tokens
            common.check(server.stop() == 0 if kill % 2 else True, "and the server ends in good order")
    common.check(turns > count, f"the server was killed between turns: only {turns} ended")
    print(f"ok: {count} kills, {turns} turns ended and are there, {kept} more were durable and not heard of", flush=True)


def conversation(args, killed):
    """The answers of a conversation; `killed`: the server, after each of them."""
    file = session_client.new_file(args, f"conversation-{killed}.db")
    said = []
    server = session_client.serve(args, file)
    try:
        for message in MESSAGES:
            said.append(session_client.chat(server, "talk", message))
            if not killed:
                continue
            server.kill()
            server = session_client.serve(args, file)
        return said, session_client.told(server, "talk")
    finally:
        server.kill()


def main():
    args = common.parse_args()
    whole, told = conversation(args, False)
    common.check(len(set(whole)) > 2, f"the model answers: {whole}")
    again, told_again = conversation(args, True)
    common.check(again == whole, f"kill -9 between turns changes what is said:\n{json.dumps(whole)}\n{json.dumps(again)}")
    common.check((told["tokens"], told["text"]) == (told_again["tokens"], told_again["text"]), "nor what was read")
    print("ok: ten turns, and the server killed after each", flush=True)
    kills(args, int(os.environ.get("FULMAR_KILLS", "20")), int(os.environ.get("FULMAR_KILLS_SEED", time.time_ns() % 100000)))


if __name__ == "__main__":
    main()
