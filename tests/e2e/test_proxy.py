"""TLS in front: nginx with the example's site and a certificate of its own, through which words come one by one."""
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


def configured(args, folder, server, port):
    """The example as it is, but for what every site changes: ports and where the certificate lies."""
    with open(os.path.join(args.source_dir, "examples/nginx/fulmar.conf"), encoding="utf-8") as f:
        site = f.read()
    for before, after in (("127.0.0.1:8000", f"{server.host}:{server.port}"), ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
                          ("/etc/ssl/models.example.pem", f"{folder}/cert.pem"), ("/etc/ssl/models.example.key", f"{folder}/key.pem")):
        common.check(before in site, f"the example has {before}")
        site = site.replace(before, after)
    paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{site}}}\n")
    return path


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


def main():
    args = common.parse_args()
    nginx, openssl = nginx_program(), shutil.which("openssl")
    if not nginx or not openssl:
        common.skip("nginx (Debian's package nginx-light) or openssl is not there")
    folder = os.path.abspath(args.work_dir)
    common.check(re.fullmatch(r"[^\s;{}'\"]+", folder), "nginx needs a folder without blanks")
    subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext",
                    f"subjectAltName=DNS:{NAME}", "-keyout", os.path.join(folder, "key.pem"), "-out", os.path.join(folder, "cert.pem")],
                   check=True, capture_output=True, timeout=60)
    with common.Server(args, None, "--allow-host", NAME) as server:
        port = free_port()
        proxy = subprocess.Popen([nginx, "-p", folder, "-c", configured(args, folder, server, port), "-g", "daemon off; master_process off;"],
                                 stderr=subprocess.PIPE)
        try:
            for _ in range(200):
                common.check(proxy.poll() is None, f"nginx ended: {proxy.stderr.read().decode() if proxy.poll() is not None else ''}")
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            talk(server, folder, port)
        finally:
            proxy.kill()
            proxy.wait()


if __name__ == "__main__":
    main()
