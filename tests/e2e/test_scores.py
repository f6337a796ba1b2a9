"""Log probabilities are those of `fulmar logits`, as lm-evaluation-harness asks for them: its requests word for word, and the package
itself where LM_EVAL_PYTHON names an interpreter that has it (pip install "lm-eval[api]")."""
import json
import math
import os
import re
import subprocess
import tempfile

import common

QUESTIONS = [  # a text, ways to go on, which of them is meant
    ("Question: What is 2 + 3?\nAnswer:", [" 5", " 6", " 14", " twenty"], 0),
    ("The sky is", [" blue.", " a very small number of potatoes.", " green."], 0),
    ("Once upon a time there was a", [" little girl", " 海燕", " zxqj"], 0),
    ("One, two, three,", [" four", " nine", " one"], 0),
]
TEXTS = ["The cat sat on the mat. It was a sunny day, and the bird sang in the tree.\n",
         "Ein kurzer Text mit Umlauten: Äpfel, Öl und Übermut. 你好,世界! 🐦\n",
         "User: What is 23 + 45?\n\nAssistant: 68\n\n" * 12]
LONGEST = 120  # tokens of a window of the harness


class Reference:
    """ln p of tokens, in 64 bits, from the numbers that `fulmar logits` prints."""

    def __init__(self, args, model):
        self.args, self.model = args, model
        self.vocab = model.replace(".safetensors", ".vocab")

    def tokens(self, text):
        out = common.output(self.args, "tokenize", "--vocab", self.vocab, stdin=text.encode())
        return [int(word) for word in out.split()]

    def logprobs(self, tokens):
        """For each position from the second on: ln p of its token, the largest ln p there, and all."""
        out = common.output(self.args, "logits", "--model", self.model, "--strategy", "cpu fp32", "--tokens", ",".join(map(str, tokens)))
        told = []
        for line, token in zip(out.decode().splitlines(), tokens[1:]):
            row = [float(word) for word in line.split()]
            largest = max(row)
            log_sum = largest + math.log(math.fsum(math.exp(x - largest) for x in row))
            told.append((row[token] - log_sum, largest - log_sum, [x - log_sum for x in row]))
        return told


def ask(server, path, body):
    status, answer = server.post(path, body)
    common.check(status == 200, f"{status} for {json.dumps(body)[:200]}: {answer}")
    return answer


def pair(reference, context, choice):
    """The tokens of a context and what goes on from it, as the harness makes them: of the two together, behind the context's own."""
    before = reference.tokens(context)
    return before, before + reference.tokens(context + choice)[len(before):]


def near(got, wanted, what, tolerance=2e-4):
    common.check(abs(got - wanted) <= tolerance * max(1.0, abs(wanted)), f"{what}: {got}, by the logits {wanted}")


def body_of(batch):
    """What local-completions sends (lm_eval/models/openai_completions.py, version 0.4.13)."""
    return {"model": "rwkv", "prompt": batch, "temperature": 0, "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": True}


def parsed(answer, context_lengths):
    """What it reads of the answer: the sum of the continuation's logarithms, and whether each token was the likeliest."""
    read = []
    for choice, length in zip(sorted(answer["choices"], key=lambda one: one["index"]), context_lengths):
        own = choice["logprobs"]["token_logprobs"][length:-1]
        top = choice["logprobs"]["top_logprobs"][length:-1]
        read.append((sum(own), all(number == max(likely.values()) for number, likely in zip(own, top))))
    return read


def replayed(server, reference):
    """The harness's requests, in batches of token ids."""
    batch, lengths, wanted = [], [], []
    for context, choices, _ in QUESTIONS:
        for choice in choices:
            before, whole = pair(reference, context, choice)
            told = reference.logprobs(whole)[len(before) - 1:]
            batch.append(whole)
            lengths.append(len(before))
            wanted.append((math.fsum(own for own, _, _ in told), all(own == best for own, best, _ in told)))
    for text in TEXTS:  # a window of a rolling likelihood begins with one token that is not counted
        whole = [0] + reference.tokens(text)
        told = reference.logprobs(whole)
        batch.append(whole)
        lengths.append(1)
        wanted.append((math.fsum(own for own, _, _ in told), all(own == best for own, best, _ in told)))
    for size in (1, 5, len(batch)):
        got = []
        for first in range(0, len(batch), size):
            got += parsed(ask(server, "/v1/completions", body_of(batch[first:first + size])), lengths[first:first + size])
        for i, ((total, greedy), (wanted_total, wanted_greedy)) in enumerate(zip(got, wanted)):
            near(total, wanted_total, f"request {i} in batches of {size}")
            common.check(greedy == wanted_greedy, f"request {i}: greedy {greedy}, by the logits {wanted_greedy}")
    print(f"ok: {len(batch)} requests of the harness, the largest {max(map(len, batch))} tokens", flush=True)


def characters(server, reference):
    """Tokens that are parts of characters, and where each begins in the text."""
    text = TEXTS[1]
    answer = ask(server, "/v1/completions", {"prompt": text, "max_tokens": 0, "echo": True, "logprobs": 5})
    lists = answer["choices"][0]["logprobs"]
    tokens = reference.tokens(text)
    common.check(len(lists["tokens"]) == len(tokens), f"{len(lists['tokens'])} tokens told of {len(tokens)}")
    spelled = b"".join(bytes.fromhex(name[6:].replace("\\x", "")) if name.startswith("bytes:") else name.encode()
                       for name in lists["tokens"])
    common.check(spelled.decode() == text == answer["choices"][0]["text"], f"the tokens' bytes are the text: {spelled}")
    for name, offset in zip(lists["tokens"], lists["text_offset"]):
        common.check(name.startswith("bytes:") or text[offset:].startswith(name), f"{name!r} is at {offset}")
    for i, (own, _, row) in enumerate(reference.logprobs(tokens), 1):
        near(lists["token_logprobs"][i], own, f"token {i}")
        best = sorted(row, reverse=True)[:5]
        told = sorted(lists["top_logprobs"][i].values(), reverse=True)
        for number, wanted in zip(told, best):
            near(number, wanted, f"the likeliest at {i}")
    chat = {"messages": [{"role": "user", "content": "What is 23 + 45?"}], "logprobs": True, "top_logprobs": 2, "temperature": 0}
    choice = ask(server, "/v1/chat/completions", chat)["choices"][0]
    told = b"".join(bytes(entry["bytes"]) for entry in choice["logprobs"]["content"])
    common.check(told.decode().strip() == choice["message"]["content"].strip() != "", f"{told} for {choice['message']}")
    print("ok: parts of characters", flush=True)


def harness(args, server, reference, python):
    """The package itself, over files of this machine."""
    with tempfile.TemporaryDirectory(dir=args.work_dir) as folder:
        with open(os.path.join(folder, "questions.jsonl"), "w", encoding="utf-8") as f:
            for context, choices, gold in QUESTIONS:
                f.write(json.dumps({"context": context, "choices": choices, "gold": gold}) + "\n")
        with open(os.path.join(folder, "texts.jsonl"), "w", encoding="utf-8") as f:
            for text in TEXTS:
                f.write(json.dumps({"text": text}) + "\n")
        head = "dataset_path: json\ntest_split: test\ndataset_kwargs:\n  data_files:\n    test: {}\n"
        with open(os.path.join(folder, "questions.yaml"), "w", encoding="utf-8") as f:
            f.write("task: local_questions\n" + head.format(os.path.join(folder, "questions.jsonl")) +
                    "output_type: multiple_choice\ndoc_to_text: '{{context}}'\ndoc_to_choice: '{{choices}}'\ndoc_to_target: gold\n"
                    "target_delimiter: ''\nmetric_list:\n  - metric: acc\n")
        with open(os.path.join(folder, "texts.yaml"), "w", encoding="utf-8") as f:
            f.write("task: local_texts\n" + head.format(os.path.join(folder, "texts.jsonl")) +
                    "output_type: loglikelihood_rolling\ndoc_to_text: ''\ndoc_to_target: '{{text}}'\n"
                    "metric_list:\n  - metric: word_perplexity\n  - metric: bits_per_byte\n")
        model = (f"model=rwkv,base_url=http://{server.host}:{server.port}/v1/completions,tokenizer_backend=remote,"
                 f"custom_prefix_token_id=0,max_length={LONGEST},num_concurrent=1")
        out = os.path.join(folder, "out.json")
        script = ("import json, sys, lm_eval\nfrom lm_eval.tasks import TaskManager\n"
                  "done = lm_eval.simple_evaluate(model='local-completions', model_args=sys.argv[1], batch_size=4, log_samples=True,\n"
                  "    tasks=['local_questions', 'local_texts'], task_manager=TaskManager(include_path=sys.argv[2], include_defaults=False))\n"
                  "json.dump({'results': done['results'], 'samples': {name: [{'doc': s['doc_id'], 'resps': s['resps']} for s in samples]\n"
                  "    for name, samples in done['samples'].items()}}, open(sys.argv[3], 'w'), default=str)\n")
        done = subprocess.run([python, "-c", script, model, folder, out], capture_output=True, timeout=600,
                              env={**os.environ, "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": folder})
        common.check(done.returncode == 0, f"lm_eval ended with {done.returncode}: {done.stderr.decode()[-3000:]}")
        with open(out, encoding="utf-8") as f:
            told = json.load(f)
    right = 0
    for sample in told["samples"]["local_questions"]:
        context, choices, gold = QUESTIONS[sample["doc"]]
        totals = []
        for choice, answer in zip(choices, sample["resps"]):
            before, whole = pair(reference, context, choice)
            rows = reference.logprobs(whole)[len(before) - 1:]
            totals.append(math.fsum(own for own, _, _ in rows))
            near(float(answer[0][0]), totals[-1], f"lm_eval's {context!r} {choice!r}")
        right += totals.index(max(totals)) == gold
    near(told["results"]["local_questions"]["acc,none"], right / len(QUESTIONS), "acc")
    total, words, size = 0.0, 0, 0
    for text in TEXTS:
        total += rolling(reference, reference.tokens(text))
        words += len(re.split(r"\s+", text))
        size += len(text.encode())
    near(told["results"]["local_texts"]["word_perplexity,none"], math.exp(-total / words), "word_perplexity", 2e-3)
    near(told["results"]["local_texts"]["bits_per_byte,none"], -total / size / math.log(2), "bits_per_byte", 2e-3)
    print(f"ok: lm_eval: {told['results']}", flush=True)


def rolling(reference, tokens):
    """ln p of a text in the harness's windows: each token once, in the window that has it first."""
    most = LONGEST - 2  # beside the token that the window begins with, and the one that is drawn
    first = min(most, len(tokens))
    total = math.fsum(own for own, _, _ in reference.logprobs([0] + tokens[:first]))
    done = first
    while done < len(tokens):
        count = min(most, len(tokens) - done)
        end = done + count
        window = tokens[end - most - 1:end]
        total += math.fsum(own for own, _, _ in reference.logprobs(window)[len(window) - 1 - count:])
        done = end
    return total


def main():
    args = common.parse_args()
    model = os.path.join(args.source_dir, "models", "fulmar-demo.safetensors")
    reference = Reference(args, model)
    with common.Server(args, model, "--strategy", "cpu fp32", "--slots", "4") as server:
        replayed(server, reference)
        characters(server, reference)
        python = os.environ.get("LM_EVAL_PYTHON", "")
        if python:
            harness(args, server, reference, python)
        else:
            print("left out: LM_EVAL_PYTHON names no interpreter with lm_eval", flush=True)


main()
