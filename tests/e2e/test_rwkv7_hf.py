"""Folders that PyPI's rwkv7-hf writes load, and give the logits of that package's own PyTorch model.

Skipped where torch, transformers or rwkv7-hf is absent: in a venv, `pip install torch transformers rwkv7-hf numpy`, then
`python tests/e2e/test_rwkv7_hf.py --fulmar build/fulmar --source-dir . --work-dir /tmp/rwkv7-hf`."""
import os
import shutil

import numpy as np

import common

TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 58]


def logits(args, path):
    text = common.output(args, "logits", "--model", path, "--tokens", ",".join(map(str, TOKENS)), "--strategy", "cpu fp32")
    return np.array([[float(x) for x in line.split(b" ")] for line in text.splitlines()])


def main():
    args = common.parse_args()
    try:
        import torch
        from rwkv7_hf import converter
        from rwkv7_hf.modeling_rwkv7 import RWKV7ForCausalLM
    except ImportError as error:
        common.skip(f"{error}: this test needs torch, transformers and rwkv7-hf")
    from rwkv7_formulas import read_safetensors
    V = 61
    source = common.make_model(args, "own.safetensors", "f32", seed=7, L=3, C=128, N=64, F=192, V=V)
    weights = {name: torch.from_numpy(array.astype(np.float32)) for name, array in read_safetensors(source).items()}
    checkpoint, vocab = os.path.join(args.work_dir, "own.pth"), os.path.join(args.work_dir, "vocab.txt")
    torch.save(weights, checkpoint)
    with open(vocab, "w", encoding="utf-8") as f:
        f.writelines(f"{i} {chr(64 + i)!r} 1\n" for i in range(1, V))
    own = logits(args, source)
    common.check(0.5 < np.abs(own).max() < 100, "logits of a useful size")
    for precision, tolerance, more in (("fp32", 1e-4, []), ("fp32", 1e-4, ["--low-memory", "--max-shard-size", "300KB"]),
                                       ("bf16", 1e-4, [])):
        folder = os.path.join(args.work_dir, f"{precision}{'-sharded' if more else ''}")
        shutil.rmtree(folder, ignore_errors=True)
        converter.main(["--input", checkpoint, "--output", folder, "--precision", precision, "--vocab-file", vocab, *more])
        # The folder's weights in float32, so that only the order of sums differs.
        model = RWKV7ForCausalLM.from_pretrained(folder, dtype=torch.float32).float().eval()
        with torch.no_grad():
            theirs = model(torch.tensor([TOKENS])).logits[0].float().numpy()
        ours = logits(args, folder)
        worst = np.abs(ours - theirs).max()
        print(f"{os.path.basename(folder)}: off by {worst:.3g} from torch {torch.__version__}, logits up to {np.abs(theirs).max():.3g}",
              flush=True)
        common.check(worst < tolerance, f"{folder}: off by {worst:.3g}, at most {tolerance:g} allowed")
        if precision == "fp32":
            common.check((ours == own).all(), f"{folder}: differs from the file that it was made of by {np.abs(ours - own).max():.3g}")
        inspected = common.output(args, "inspect", folder).decode()
        common.check("rwkv_vocab_v20230424.txt" in inspected and "chat_template.jinja" in inspected, f"what lies beside is found: {inspected}")


if __name__ == "__main__":
    main()
