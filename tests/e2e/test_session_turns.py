"""A conversation of 50 turns is the same over session_id, over rwkv_lightning's /state and /multi_state, and with its whole history each time."""
import os

import common

TURNS = 50
SAID = ["Hello! I'm Carl.", "The fruit I like most is plum.", "Tell me my favourite fruit.", "What is my name?", "What is 21 + 34?",
        "Which country has the capital Rome?", "How are you?", "What can you do?", "79 + 75", "My name is Anna.", "What is my name?",
        "What does RWKV mean?", "Tell me who you are."]
GREEDY = {"temperature": 0, "max_tokens": 60}
NATIVE = {"temperature": 0, "max_tokens": 60, "alpha_presence": 0, "alpha_frequency": 0,
          "stop_tokens": ["\n\nUser:", "\n\nAssistant:", "\n\nSystem:", 0]}


def ask(server, path, body):
    status, answer = server.post(path, body)
    common.check(status == 200, f"{path}: {status} {answer}")
    return answer


def content(answer):
    return answer["choices"][0]["message"]["content"].strip()


def questions():
    return [SAID[turn % len(SAID)] for turn in range(TURNS)]


def by_history(server, **more):
    messages, usage = [], []
    for said in questions():
        messages.append({"role": "user", "content": said})
        answer = ask(server, "/v1/chat/completions", {"messages": messages, **GREEDY, **more})
        messages.append({"role": "assistant", "content": content(answer)})
        usage.append(answer["usage"])
    return [message["content"] for message in messages[1::2]], usage


def by_session(server):
    answers = [ask(server, "/v1/chat/completions", {"session_id": "chat", "messages": [{"role": "user", "content": said}], **GREEDY})
               for said in questions()]
    return [content(answer) for answer in answers], [answer["usage"] for answer in answers]


def native(turn, said):
    return ["\n\n" * (turn > 0) + f"User: {said}\n\nAssistant:"]


def by_state(server):
    return [content(ask(server, "/state/chat/completions", {"session_id": "state", "contents": native(turn, said), **NATIVE}))
            for turn, said in enumerate(questions())]


def by_tree(server):
    """Streamed, each turn a child of the one before; a stranger's turn on the same node changes nothing."""
    texts, node = [], 0
    for turn, said in enumerate(questions()):
        body = {"session_id": "tree", "dialogue_idx": node, "contents": native(turn, said), **NATIVE}
        *events, tail = server.stream("/multi_state/chat/completions", body)
        texts.append("".join(choice["delta"]["content"] for event in events for choice in event["choices"]).strip())
        if turn % 10 == 5:
            ask(server, "/multi_state/chat/completions", {**body, "contents": ["\n\nUser: Goodbye.\n\nAssistant:"]})
        common.check(tail["object"] == "multi_state.dialogue_idx" and tail["session_id"] == f"tree:{tail['dialogue_idx']}",
                     f"the new node is told at the end: {tail}")
        node = tail["dialogue_idx"]
    return texts


def same(texts, wanted, how):
    for turn, (text, other) in enumerate(zip(texts, wanted, strict=True)):
        common.check(text == other, f"turn {turn} {how}: {text!r}, and with the whole history {other!r}")
    print(f"ok: {TURNS} turns {how}", flush=True)


def main():
    args = common.parse_args()
    model = os.path.join(args.source_dir, "models", "fulmar-demo.safetensors")
    with common.Server(args, model, "--strategy", "cpu fp32", "--reproducible") as server:
        wanted, uncached = by_history(server, cache_prompt=False)
        common.check("Carl" in wanted[0] and "plum" in wanted[2], f"the model answers: {wanted[:3]}")
        common.check(all(usage["prompt_tokens_details"]["cached_tokens"] == 0 for usage in uncached), "nothing is cached")
        texts, cached = by_history(server)
        same(texts, wanted, "with prefixes that were read before")
        left = [usage["prompt_tokens"] - usage["prompt_tokens_details"]["cached_tokens"] for usage in cached]
        common.check(uncached[-1]["prompt_tokens"] > 500 and max(left) < 150, f"of a prompt only what is new is read: {left}")
        texts, usage = by_session(server)
        same(texts, wanted, "over session_id")
        news = [one["prompt_tokens"] for one in usage]
        common.check(max(news) < 40, f"a turn's cost does not grow: {news}")
        same(by_state(server), wanted, "over /state")
        same(by_tree(server), wanted, "over /multi_state, streamed")
        status = ask(server, "/state/status", {})
        common.check(status["total_sessions"] == 2 + TURNS + 5, f"every node is a session: {status['total_sessions']}")
        ask(server, "/state/delete", {"session_id": "tree", "delete_prefix": True})
        names = [one["session_id"] for one in ask(server, "/state/status", {})["sessions"]]
        common.check(sorted(names) == ["chat", "state"], f"a tree is deleted whole: {names}")


if __name__ == "__main__":
    main()
