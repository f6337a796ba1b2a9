"""A trained model answers 600 of 600 over HTTP, streamed or not, in every precision it is served in."""
import concurrent.futures
import json
import os

import common

STRATEGIES = ("cpu fp32", "cpu fp16", "cpu fp16i8", "cpu fp16q8_0", "vulkan fp32", "vulkan fp16", "vulkan fp16i8")
AT_ONCE = 16


def right_answers(server, lines):
    def ask(numbered):
        number, line = numbered
        text = server.complete(stream=number % 2 == 1, prompt=line["prompt"], temperature=0, stop="#", max_tokens=80)
        if text != line["expect"].removesuffix("#"):
            print(f"line {number + 1}: {line['prompt']!r} gave {text!r}", flush=True)
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(ask, enumerate(lines)))


def main():
    args = common.parse_args()
    folder = common.shared_models(args)
    if folder is None:
        common.skip("../shared/models is not there")
    folder = os.path.join(folder, "reverse-rwkv7")
    with open(os.path.join(folder, "testset_600.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    common.check(len(lines) == 600, f"600 lines, not {len(lines)}")
    failed = []
    for strategy in common.strategies(args, *STRATEGIES):
        with common.Server(args, os.path.join(folder, "reverse-L4-D128-N64-f16.safetensors"), "--vocab",
                           os.path.join(folder, "vocab.txt"), "--strategy", strategy) as server:
            right = right_answers(server, lines)
            print(f"{strategy}: {right} of {len(lines)}", flush=True)
            if right != len(lines):
                failed.append(strategy)
            common.check(server.stop() == 0, f"{strategy}: SIGTERM ends the server with 0")
    common.check(not failed, f"wrong answers on {failed}")


if __name__ == "__main__":
    main()
