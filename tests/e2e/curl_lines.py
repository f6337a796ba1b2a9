"""The curl lines of a document, asked of a running server as a user would type them."""
import os
import re
import shlex
import subprocess

import common


def curl_commands(args, document):
    """Every command of the document's code blocks that calls curl, its continued lines joined."""
    with open(os.path.join(args.source_dir, document), encoding="utf-8") as f:
        blocks = re.findall(r"```\w*\n(.*?)```", f.read(), re.S)
    commands = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in commands if line.startswith("curl ")]


def run_line(server, command, port="8000", *more):
    """What it prints, where the answer is no error."""
    words = shlex.split(command.replace("localhost:" + port, f"{server.host}:{server.port}").replace("127.0.0.1:" + port, f"{server.host}:{server.port}"))
    common.check(str(server.port) in " ".join(words), f"asks the port that the page names: {command}")
    done = subprocess.run([*words, "--fail-with-body", "--silent", "--show-error", *more], capture_output=True, timeout=common.LOAD_SECONDS)
    is_cut = done.returncode == 28 and "--max-time" in more
    common.check((done.returncode == 0 or is_cut) and done.stdout, f"{command}\n{done.stdout.decode()}{done.stderr.decode()}")
    print("ok:", command, flush=True)
    return done.stdout.decode()


def documented(args, server, document, port="8000", known=None):
    """`known`: what the shell's variables are that the page has set."""
    commands = curl_commands(args, document)
    common.check(len(commands) >= 4, f"{document} shows how to ask each endpoint: {commands}")
    for name, value in (known or {}).items():
        commands = [command.replace("$" + name, value) for command in commands]
    for command in commands:
        run_line(server, command, port)
