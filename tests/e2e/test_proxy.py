"""TLS in front: nginx and Caddy with the examples' sites and a certificate of their own, through which words come one by one."""
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time

import common

NAME = "models.example"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def nginx_program():
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def example(args, name, changes):
    """Its text, but for what every site changes."""
    with open(os.path.join(args.source_dir, "examples", name), encoding="utf-8") as f:
        site = f.read()
    for before, after in changes:
        common.check(before in site, f"{name} has {before}")
        site = site.replace(before, after)
    return site


def nginx_command(args, program, folder, server, port):
    site = example(args, "nginx/fulmar.conf",
                   [("127.0.0.1:8000", f"{server.host}:{server.port}"), ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
                    ("/etc/ssl/models.example.pem", f"{folder}/cert.pem"), ("/etc/ssl/models.example.key", f"{folder}/key.pem")])
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{site}}}\n")
    return [program, "-p", folder, "-c", path, "-g", "daemon off; master_process off;"]


def caddy_command(args, program, folder, server, port):
    """A certificate of the test's own in place of one of the internet's."""
    site = example(args, "caddy/Caddyfile",
                   [("127.0.0.1:8000", f"{server.host}:{server.port}"),
                    (NAME + " {\n", f"https://{NAME}:{port} {{\n\tbind 127.0.0.1\n\ttls {folder}/cert.pem {folder}/key.pem\n")])
    path = os.path.join(folder, "Caddyfile")
    with open(path, "w", encoding="utf-8") as f:
        f.write("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
    return [program, "run", "--adapter", "caddyfile", "--config", path]


def connect(folder, port):
    trusted = ssl.create_default_context(cafile=os.path.join(folder, "cert.pem"))
    raw = socket.create_connection(("127.0.0.1", port), timeout=common.LOAD_SECONDS)
    connection = http.client.HTTPSConnection(NAME)
    connection.sock = trusted.wrap_socket(raw, server_hostname=NAME)
    return connection


def live(server):
    return server.get("/health")[1]["live"]


def talk(server, folder, port):
    connection = connect(folder, port)
    connection.request("GET", "/v1/models")
    answer = connection.getresponse()
    common.check(answer.status == 200 and json.loads(answer.read())["data"], "a plain answer comes through")
    body = {"prompt": "The sea", "max_tokens": 100000, "ignore_eos": True, "stream": True}
    connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    common.check(answer.status == 200 and answer.headers["Content-Type"].startswith("text/event-stream"), answer.headers)
    events = 0
    while events < 5:
        events += answer.readline().startswith(b"data: {")
    common.check(live(server) == 1, "words came while the answer was being made")
    connection.sock.close()
    answer.close()
    for _ in range(600):
        if live(server) == 0:
            print("ok: a stream comes word by word, and ends with its client", flush=True)
            return
        time.sleep(0.05)
    common.check(False, "the client left, and the answer went on")


def goes_through(folder, server, port, command):
    log = os.path.join(folder, "proxy.log")
    with open(log, "wb") as f:
        proxy = subprocess.Popen(command, stderr=f, cwd=folder, env={**os.environ, "XDG_CONFIG_HOME": folder})
    try:
        for _ in range(200):
            if proxy.poll() is not None:
                with open(log, encoding="utf-8", errors="replace") as f:
                    common.check(False, f"{command[0]} ended: {f.read()}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        talk(server, folder, port)
    finally:
        proxy.kill()
        proxy.wait()


def main():
    args = common.parse_args()
    programs = [(nginx_command, nginx_program()), (caddy_command, shutil.which("caddy"))]
    openssl = shutil.which("openssl")
    if not openssl or not any(program for _, program in programs):
        common.skip("openssl, or nginx and caddy (Debian's packages nginx-light and caddy) are not there")
    folder = os.path.abspath(args.work_dir)
    common.check(re.fullmatch(r"[^\s;{}'\"]+", folder), "nginx needs a folder without blanks")
    subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext",
                    f"subjectAltName=DNS:{NAME}", "-keyout", os.path.join(folder, "key.pem"), "-out", os.path.join(folder, "cert.pem")],
                   check=True, capture_output=True, timeout=60)
    with common.Server(args, None, "--allow-host", NAME) as server:
        for command_of, program in programs:
            if not program:
                print(f"without it {command_of.__name__} is not tried", flush=True)
                continue
            port = free_port()
            goes_through(folder, server, port, command_of(args, program, folder, server, port))
            print(f"ok: {os.path.basename(program)}", flush=True)


if __name__ == "__main__":
    main()
