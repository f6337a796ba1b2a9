"""`fulmar bench serve` against the demo model, against servers that misbehave, and against another clock."""
import json
import os
import re
import statistics

import common
import stand_in_server


def bench(args, *words, code=0):
    """(report, lines of JSON) of one call."""
    path = os.path.join(args.work_dir, "out.jsonl")
    if os.path.exists(path):
        os.remove(path)
    done = common.run(args, "bench", "serve", "--output-file", path, "--disable-tqdm", *words)
    common.check(done.returncode == code, f"bench serve {' '.join(words)} ended with {done.returncode}: {done.stderr.decode()}")
    with open(path, encoding="utf-8") as f:
        return done.stdout.decode(), [json.loads(line) for line in f]


def number(report, name):
    found = re.search(rf"^{re.escape(name)} +([\d.]+)", report, re.M)
    common.check(found, f"the report has a line {name}:\n{report}")
    return float(found.group(1))


def serves_all(args, server, vocab):
    """200 requests at a high rate: all served, and the report and the line say the same."""
    small = ["--tokenizer", vocab, "--random-input-len", "32", "--random-output-len", "16"]
    report, lines = bench(args, "--port", str(server.port), "--num-prompts", "200", "--request-rate", "400",
                          "--goodput", "ttft:100000,e2e:200000", *small)
    line = lines[0]
    common.check(line["completed"] == 200 and line["errors"] == {}, f"all are served: {line}")
    common.check(line["model"] == "fulmar-demo", "the model's name is asked for")
    common.check(line["total_output_tokens"] == line["total_asked_tokens"] > 200, f"as many tokens as were asked for: {line}")
    common.check(line["output_tokens_by"] == "usage", "the server's own count")
    common.check(200 <= line["total_input_tokens"] <= 200 * 32, f"as many as prompts have: {line}")
    for name, key in (("Successful requests:", "completed"), ("Median TTFT (ms):", "median_ttft_ms"),
                      ("Median ITL (ms):", "median_itl_ms"), ("Total generated tokens:", "total_output_tokens"),
                      ("Goodput (req/s):", "request_throughput")):
        common.check(abs(number(report, name) - line[key]) < 0.01, f"{name} {number(report, name)} and {line[key]}")
    common.check(line["median_ttft_ms"] <= line["p90_ttft_ms"] <= line["p99_ttft_ms"] <= line["p99_e2e_latency_ms"], f"{line}")


def questions(args):
    """A file of conversations whose questions the demo model answers with words, in a chat too."""
    pairs = [("Tell me who you are.", "I am the demo model of Fulmar, a small RWKV-7."), ("How do you do, my friend?", "I am fine, thank you!"),
             ("Which country has the capital Rome?", "Rome is the capital of Italy."), ("Hello! I'm Carl.", "Nice to meet you, Carl!")]
    path = os.path.join(args.work_dir, "questions.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump([{"conversations": [{"from": "human", "value": a}, {"from": "gpt", "value": b}]} for a, b in pairs], f)
    return path


def speaks_every_form(args, server, vocab):
    few = ["--port", str(server.port), "--num-prompts", "4", "--tokenizer", vocab, "--dataset-path", questions(args),
           "--sharegpt-output-len", "8", "--max-concurrency", "2"]
    for backend in ("openai", "chat", "infer", "conRWKV", "RWKV-Runner", "RWKV-Infer"):
        _, lines = bench(args, "--backend", backend, *few)
        common.check(lines[0]["completed"] == 4, f"{backend}: {lines[0]}")
    _, lines = bench(args, "--disable-stream", "--extra-request-body", '{"max_tokens": 3}', *few)
    common.check(lines[0]["completed"] == 4 and lines[0]["total_output_tokens"] <= 12, f"extra fields win: {lines[0]}")
    _, lines = bench(args, "--multi", "--request-rate-range", "50,170,60", *few)
    common.check([line["request_rate"] for line in lines] == [50, 110], f"a line for each rate: {lines}")


def tells_errors_by_kind(args):
    moods = {2: "stalls", 4: "resets", 5: "ends_early", 6: "fails", 7: "halves", 8: "babbles", 9: "says_nothing", 10: "gives_up",
             11: "fails"}
    with stand_in_server.Misbehaving(moods) as server:  # request 0 is the first by itself
        report, lines = bench(args, "--base-url", f"http://127.0.0.1:{server.port}/", "--backend", "conRWKV", "--num-prompts", "20",
                              "--timeout", "3", "--request-rate", "100", "--random-output-len", "4", "--random-input-len", "8")
        bodies = server.bodies
    line = lines[0]
    expected = {"reset": 2, "status": 2, "error": 1, "timeout": 1, "malformed": 2, "empty": 1}
    common.check(line["errors"] == expected, f"each error by its kind: {line['errors']}")
    common.check(line["completed"] == 20 - sum(expected.values()), "the others are served, comments, halves and all")
    common.check(line["model"] == "stand-in", "a bare list of models is understood")
    common.check(line["total_output_tokens"] == 2 * line["completed"] and line["output_tokens_by"] == "pieces", f"{line}")
    for words in ("500 out of order", "the device was lost"):
        common.check(words in report, f"the report says {words}:\n{report}")
    common.check(all(body["best_of"] == 1 and body["stream"] and body["ignore_eos"] for body in bodies), "conRWKV's form")

    with stand_in_server.Misbehaving({}) as server:
        port = server.port
    path = os.path.join(args.work_dir, "out.jsonl")
    for words, sentence in ((["--port", str(port), "--model", "m"], "refused"), (["--port", str(port)], "--model"),
                            (["--base-url", "https://example.org"], "http://"), (["--goodput", "speed:1"], "ttft"),
                            (["--dataset-name", "sharegpt"], "--dataset-path"), (["--extra-request-body", "[1]"], "JSON object")):
        done = common.run(args, "bench", "serve", "--timeout", "60", "--output-file", path, *words)
        common.check(done.returncode != 0 and sentence in done.stderr.decode(), f"{words}: {done.stderr.decode()}")


def agrees_with_another_clock(args, server, vocab):
    """A relay notes when each event passes. Its medians are the report's, to 3 % and what the way between them takes."""
    with stand_in_server.Relay(server.port, wait=0.2, pace=0.04) as relay:
        _, lines = bench(args, "--port", str(relay.port), "--num-prompts", "24", "--request-rate", "12", "--tokenizer", vocab,
                         "--random-input-len", "32", "--random-output-len", "24", "--random-range-ratio", "0.5")
        own = relay.first[1:], relay.gaps, relay.whole[1:]
    common.check(lines[0]["completed"] == 24 and len(own[0]) == 24, f"all pass: {lines[0]}, {len(own[0])}")
    for times, key in zip(own, ("median_ttft_ms", "median_itl_ms", "median_e2e_latency_ms")):
        relayed, told = statistics.median(times) * 1e3, lines[0][key]
        common.check(abs(relayed - told) <= 0.03 * relayed + 1.5, f"{key}: {told}, and by another clock {relayed}")
    common.check(lines[0]["median_e2e_latency_ms"] > 200, "the relay's own time is in it")


def main():
    args = common.parse_args()
    models = os.path.join(args.source_dir, "models")
    vocab = os.path.join(models, "fulmar-demo.vocab")
    with common.Server(args, os.path.join(models, "fulmar-demo.safetensors"), "--strategy", "cpu fp32") as server:
        serves_all(args, server, vocab)
        speaks_every_form(args, server, vocab)
        agrees_with_another_clock(args, server, vocab)
    tells_errors_by_kind(args)


if __name__ == "__main__":
    main()
