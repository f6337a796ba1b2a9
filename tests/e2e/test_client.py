"""libfulmar_client as it is installed: what it links and exports, stock compilers, ctypes, and its requests to a real server."""
import os
import re
import shutil
import socket
import subprocess
import threading

import common
import fulmar_client

CHARACTERS = "Gr\u00fc\u00dfe, \u4e16\u754c \U0001F600"


def library(args):
    folder = os.path.dirname(os.path.abspath(args.fulmar))
    names = ("libfulmar_client.so", "libfulmar_client.dylib", "fulmar_client.dll")
    return next((os.path.join(folder, name) for name in names if os.path.exists(os.path.join(folder, name))), None)


def words(*command, **more):
    done = subprocess.run(command, capture_output=True, timeout=300, **more)
    common.check(done.returncode == 0, f"{' '.join(command)}: {done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout.decode()


def stands_alone(path):
    """The C++ runtime is all it needs, and the C interface all it shows."""
    if not path.endswith(".so") or not shutil.which("readelf") or not shutil.which("nm"):
        return
    needed = re.findall(r"NEEDED.*\[(.+?)\]", words("readelf", "-d", path))
    runtime = re.compile(r"(libstdc\+\+|libc\+\+|libc\+\+abi|libgcc_s|libm|libc|libpthread|ld-linux.*|ld-musl.*)\.so")
    common.check(needed and all(runtime.match(name) for name in needed), f"it needs {needed}")
    shown = {line.split()[-1].split("@")[0] for line in words("nm", "-D", "--defined-only", path).splitlines()}
    with open(os.path.join(args.source_dir, "include", "fulmar", "client_c.h"), encoding="utf-8") as f:
        declared = set(re.findall(r"FULMAR_CLIENT_API [^;(]*?(fulmar_client_\w+)\(", f.read()))
    common.check(shown == declared and len(declared) > 10, f"it shows {sorted(shown ^ declared)} too many or too few")


class StandIn:
    """A server that answers every connection by what `answer(connection, request)` does."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answer, self.requests = answer, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection = self.listener.accept()[0]
            threading.Thread(target=self.converse, args=(connection,), daemon=True).start()

    def converse(self, connection):
        with connection:
            request = b""
            while b"\r\n\r\n" not in request or len(request.split(b"\r\n\r\n", 1)[1]) < int(
                    (re.findall(rb"Content-Length: (\d+)", request) or [0])[0]):
                part = connection.recv(65536)
                if not part:
                    return
                request += part
            self.requests.append(request)
            try:
                self.answer(connection, request)
            except OSError:
                pass  # the client has gone


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def event(content):
    return b'data: {"choices":[{"index":0,"delta":{"content":"' + content + b'"}}]}\n\n'


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def hello(connection, _):
    connection.sendall(HEAD + chunk(event(b"Hello") + END) + chunk(b""))


def misbehaving(path):
    """Half characters, slow servers and servers that die, as Python sees them."""
    def slowly(connection, _):
        connection.sendall(HEAD)
        for byte in event(CHARACTERS.encode()) + END:
            connection.sendall(chunk(bytes([byte])))

    with fulmar_client.Client(path, "127.0.0.1", StandIn(slowly).port) as client:
        _, told = client.ask("Hi")
        common.check(client.wait(told) == ("text", CHARACTERS), f"{told.ends}")
        common.check("".join(told.news) == CHARACTERS and told.released == 1, f"{told.news}")

    def dies(connection, _):
        connection.sendall(HEAD + chunk(event(b"Gr\xc3")))

    with fulmar_client.Client(path, "127.0.0.1", StandIn(dies).port) as client:
        _, told = client.ask("Hi")
        kind, message = client.wait(told)
        common.check(kind == "disconnected" and "in the middle" in message and told.news == ["Gr"], f"{kind}: {message}, {told.news}")

    def stalls(connection, _):
        connection.sendall(HEAD)
        connection.recv(1)

    with fulmar_client.Client(path, "127.0.0.1", StandIn(stalls).port, idle_ms=100) as client:
        kind, message = client.wait(client.ask("Hi")[1])
        common.check(kind == "timed out" and "silent for 0.1 s" in message, f"{kind}: {message}")


def blocks(args, document, language):
    with open(os.path.join(args.source_dir, document), encoding="utf-8") as f:
        return re.findall(rf"^```{language}\n(.*?)^```$", f.read(), re.M | re.S)


class Compiler:
    """The system's, with nothing of the project's build but the library and its headers."""

    def __init__(self, args, path):
        self.folder, self.build = args.work_dir, os.path.dirname(path)
        self.include = os.path.join(os.path.abspath(args.source_dir), "include")
        self.sanitize = [f"-fsanitize={os.environ['FULMAR_SANITIZE']}"] if os.environ.get("FULMAR_SANITIZE") else []

    def make(self, source, *flags):
        """Compiles a program against the library; answers it."""
        program = os.path.join(self.folder, os.path.splitext(os.path.basename(source))[0])
        words("cc" if source.endswith(".c") else "c++", source, "-Wall", "-Werror", *flags, *self.sanitize, "-I" + self.include,
              "-L" + self.build, "-lfulmar_client", "-pthread", "-o", program)
        return program

    def run(self, program, *arguments, stdin=""):
        return words(program, *arguments, input=stdin.encode(), env={**os.environ, "LD_LIBRARY_PATH": self.build})


def interface(args, compiler):
    """The C interface in C99, without a warning."""
    server = StandIn(hello)
    source = os.path.join(args.source_dir, "tests", "client", "interface.c")
    program = compiler.make(source, "-std=c99", "-Wextra", "-pedantic")
    common.check(compiler.run(program, str(server.port)) == "ok\n", "it says that all is well")
    common.check(b'"content":"Hi"' in server.requests[0] and b'"role":"user"' in server.requests[0], f"{server.requests[0]}")
    common.check(b'"n":1,"max_tokens":2048' in server.requests[1], f"what an older program does not know has its default: {server.requests[1]}")


def examples(args, compiler, server):
    """The lines of examples/client/README.md and the programs of docs/client.md, against a real server."""
    folder = os.path.join(args.work_dir, "examples")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(args.source_dir, "examples", "client"), folder)
    lines = "".join(blocks(args, "examples/client/README.md", "")).splitlines()
    common.check(len(lines) == 4, f"{lines}")
    for compile_line, run_line in zip(lines[::2], lines[1::2]):
        compile_line = compile_line.replace("../../include", compiler.include).replace("../../build", compiler.build)
        words("sh", "-c", " ".join([compile_line, "-Wall", "-Wextra", "-Werror", *compiler.sanitize]), cwd=folder)
        run_line = run_line.replace("../../build", compiler.build).replace("127.0.0.1 8000", f"{server.host} {server.port}")
        said = words("sh", "-c", run_line, cwd=folder, input=b"What is 23 + 45?\nAnd 7 + 8?\n\n")
        common.check(re.search(r"\w", said), f"{run_line}: {said!r}")
    common.check(server.get("/state/talk")[1]["tokens"] > 10, "the server keeps what talk talks")
    for language, ending, more in (("cpp", ".cpp", ["-std=c++17"]), ("c", ".c", [])):
        programs = blocks(args, "docs/client.md", language)
        common.check(len(programs) == 1 and len(programs[0].splitlines()) < 35, f"one short program in {language}")
        source = os.path.join(args.work_dir, "documented_" + language + ending)
        program = programs[0].replace('"127.0.0.1", "8000"', f'"{server.host}", "{server.port}"')
        program = program.replace("  options.calls =", f'  options.port = fulmar_client_text_of("{server.port}");\n  options.calls =')
        with open(source, "w", encoding="utf-8") as f:
            f.write(program)
        said = compiler.run(compiler.make(source, *more))
        common.check("68" in said, f"{source}: {said!r}")


def asks(path, server):
    """An ask is what the endpoint answers, streamed; a session goes on; a cancelled one frees its place."""
    body = {"messages": [{"role": "user", "content": "Tell me a story."}], "max_tokens": 60, "seed": 7, "temperature": 1.2, "top_p": 0.9,
            "presence_penalty": 0.6, "frequency_penalty": 0}
    expected = server.post("/v1/chat/completions", body)[1]["choices"][0]["message"]["content"]
    with fulmar_client.Client(path, server.host, server.port) as client:
        _, told = client.ask("Tell me a story.", max_tokens=60, seed=7)
        common.check(client.wait(told) == ("text", expected), f"{told.ends} and not {expected!r}")
        common.check("".join(told.news) == expected and told.released == 1, f"{told.news}")
        first = client.ask("What is 23 + 45?", session_id="client", max_tokens=40, temperature=0)[1]
        common.check(client.wait(first)[0] == "text", f"{first.ends}")
        second = client.ask("And what is 7 + 8?", session_id="client", max_tokens=40, temperature=0)[1]
        common.check(client.wait(second)[0] == "text", f"{second.ends}")
        transcript = server.get("/state/client")[1]["text"]
        common.check(first.ends[0][1].strip() in transcript and second.ends[0][1].strip() in transcript, transcript)
        request, told = client.ask("Tell me a story.", max_tokens=100000, ignore_eos=True)
        client.wait(told, until=lambda told: told.news or told.ends)
        client.library.fulmar_client_cancel(client.client, request)
        common.check(client.wait(told)[0] == "cancelled", f"{told.ends}")
        many = [client.ask("Hi", max_tokens=20, seed=seed)[1] for seed in range(16)]
        common.check(all(client.wait(told)[0] == "text" for told in many), "16 at once")
        common.check(client.wait(client.ask("Hi", temperature=9)[1]) == ("refused", "400: temperature must be between 0 and 2"), "it says why")
        names = "\n".join(model["id"] for model in server.get("/v1/models")[1]["data"])
        common.check(client.end("models") == ("text", names), names)
        common.check(client.end("status") == ("text", "working"), "it works")
    for _ in range(600):
        if server.get("/health")[1]["live"] == 0:
            return
    common.check(False, "a cancelled answer holds its place")


def guarded(args, path):
    """With a password."""
    with common.Server(args, os.path.join(args.source_dir, "models", "fulmar-demo.safetensors"), "--password", "key") as server:
        for password, expected in (("key", "text"), ("wrong", "refused")):
            with fulmar_client.Client(path, server.host, server.port, password) as client:
                kind, message = client.wait(client.ask("Hi", max_tokens=4)[1])
                common.check(kind == expected and (kind == "text" or message.startswith("401: ")), f"{kind}: {message}")


def switches(args, path):
    """The nodes of a game: another model, what it says, the end of the server."""
    models = os.path.join(args.source_dir, "models")
    with common.Server(args, None, "--models-dir", models) as server:
        with fulmar_client.Client(path, server.host, server.port) as client:
            text = fulmar_client.text
            common.check(client.end("status") == ("text", "offline"), "nothing is loaded")
            kind, message = client.end("switch_model", text("models/none"), text("cpu fp32"), 0)
            common.check(kind == "refused" and "none" in message, f"{kind}: {message}")
            common.check(client.end("switch_model", text("models/fulmar-demo"), text("cpu fp32"), 3) == ("text", "success"), "switched")
            common.check(client.end("status") == ("text", "working"), "it works")
            kind, message = client.wait(client.ask("What is 7 + 8?", max_tokens=40, temperature=0)[1])
            common.check(kind == "text" and "15" in message, f"{kind}: {message}")
            kind, message = client.end("close_server")
            common.check(kind == "text", f"{kind}: {message}")
        common.check(server.process.wait(60) == 0, server.stderr())


def main():
    path = library(args)
    if path is None:
        common.skip("libfulmar_client was not built")
    stands_alone(path)
    compiler = Compiler(args, path)
    if shutil.which("cc") and shutil.which("c++") and path.endswith(".so"):
        interface(args, compiler)
    if os.environ.get("FULMAR_SANITIZE"):
        return  # Python cannot load it then
    misbehaving(path)
    with common.Server(args, os.path.join(args.source_dir, "models", "fulmar-demo.safetensors"), "--strategy", "cpu fp32") as server:
        if shutil.which("cc") and shutil.which("c++") and path.endswith(".so"):
            examples(args, compiler, server)
        asks(path, server)
    guarded(args, path)
    switches(args, path)


args = common.parse_args()
main()
