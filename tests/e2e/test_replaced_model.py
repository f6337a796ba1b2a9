"""What happens to a running server when its model's file is replaced, overwritten or cut short."""
import http.client
import os
import shutil
import time

import common

ASKED = dict(prompt="abc", max_tokens=24, temperature=0, ignore_eos=True)


def served(args, name):
    path = common.make_model(args, name, "f32", seed=3, L=2, C=64, N=32, F=96, V=256)
    return path, common.Server(args, path, "--strategy", "cpu fp32", "--vocab", "bytes", "--threads", "1")


def renamed_over(args):
    path, server = served(args, "renamed.safetensors")
    with server:
        before = server.complete(**ASKED)
        os.replace(common.make_model(args, "other.safetensors", "f32", seed=4, L=2, C=64, N=32, F=96, V=256), path)
        common.check(server.complete(**ASKED) == before, "a model goes on as it is when another file takes its name")
        common.check("changed" not in server.stderr(), f"nothing changed beneath it: {server.stderr()}")
        common.check(server.stop() == 0, "the server ends well")


def overwritten(args):
    path, server = served(args, "overwritten.safetensors")
    with server:
        server.complete(**ASKED)
        with open(path, "r+b") as f:
            f.seek(-64, os.SEEK_END)
            f.write(b"\0" * 64)
        deadline = time.monotonic() + 60
        while path not in server.stderr() or "changed while it is in use" not in server.stderr():
            common.check(time.monotonic() < deadline, f"a file overwritten in place is told of: {server.stderr()}")
            server.complete(**ASKED)
            time.sleep(0.1)
        common.check(server.stop() == 0, "the server ends well")


def cut_short(args):
    path, server = served(args, "cut.safetensors")
    with server:
        server.complete(**ASKED)
        os.truncate(path, 4096)
        try:
            server.complete(**ASKED)
            common.check(False, "an answer came from a model that is gone")
        except (OSError, http.client.HTTPException):
            pass
        common.check(server.process.wait(60) == 1, f"the exit code is 1: {server.process.returncode}")
        said = server.stderr()
        common.check(f"fulmar: {path}: the file changed while it was in use" in said and "rename the new file" in said,
                     f"the last line says which file and what to do: {said}")


def names(args):
    import container_writers as cw
    from rwkv7_formulas import read_safetensors
    import numpy as np
    model = common.make_model(args, "named.safetensors", "f32", seed=3, L=2, C=64, N=32, F=96, V=256)
    folder = os.path.join(args.work_dir, "hf-1.5B")
    shutil.rmtree(folder, ignore_errors=True)
    weights = {name: array.astype(np.float32) for name, array in read_safetensors(model).items()}
    cw.write_sharded(folder, weights, 2)
    for words, expected in (([folder + "/"], "hf-1.5B"), ([folder, "--model-name", "my/model 7"], "my/model 7")):
        with common.Server(args, words[0], "--strategy", "cpu fp32", "--vocab", "bytes", *words[1:]) as server:
            ids = [entry["id"] for entry in server.get("/v1/models")[1]["data"]]
            common.check(ids == [expected], f"the model's id is {expected}: {ids}")


def main():
    args = common.parse_args()
    renamed_over(args)
    if os.name == "posix":
        overwritten(args)
        cut_short(args)
    names(args)


main()
