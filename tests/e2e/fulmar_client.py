"""libfulmar_client through ctypes: what a program in any other language sees of it."""
import ctypes
import json
import time

FROM_POLL = 1


class Text(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t)]


def text(string):
    data = string.encode()
    return Text(data, len(data))


class Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("host", Text), ("port", Text), ("password", Text), ("calls", ctypes.c_int32),
                ("connect_timeout_ms", ctypes.c_int32), ("idle_timeout_ms", ctypes.c_int32), ("load_timeout_ms", ctypes.c_int32)]


class Message(ctypes.Structure):
    _fields_ = [("role", Text), ("content", Text)]


class Settings(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("messages", ctypes.POINTER(Message)), ("message_count", ctypes.c_size_t), ("model", Text),
                ("session_id", Text), ("temperature", ctypes.c_double), ("top_p", ctypes.c_double), ("presence_penalty", ctypes.c_double),
                ("frequency_penalty", ctypes.c_double), ("n", ctypes.c_int32), ("max_tokens", ctypes.c_int32), ("more", Text)]


SAID = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t)
FAILED = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t)
RELEASED = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Handlers(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("user", ctypes.c_void_p), ("on_stream", SAID), ("on_succeeded", SAID), ("on_failed", FAILED),
                ("on_release", RELEASED)]


class Told:
    """What became of a request; `end` is ("text", ...) or (kind of failure, message)."""

    def __init__(self, library):
        self.news, self.ends, self.released = [], [], 0
        name = library.fulmar_client_failure_name
        self.handlers = Handlers(
            ctypes.sizeof(Handlers), None, SAID(lambda user, data, size: self.news.append(data[:size].decode())),
            SAID(lambda user, data, size: self.ends.append(("text", data[:size].decode()))),
            FAILED(lambda user, kind, data, size: self.ends.append((name(kind).decode(), data[:size].decode()))), RELEASED(self.release))

    def release(self, user):
        self.released += 1


class Client:
    """Use in a with statement."""

    def __init__(self, path, host, port, password="", idle_ms=120000):
        self.library = library = ctypes.CDLL(path)
        library.fulmar_client_new.restype = ctypes.c_void_p
        library.fulmar_client_failure_name.restype = ctypes.c_char_p
        library.fulmar_client_poll.restype = ctypes.c_size_t
        pointer, handlers = ctypes.c_void_p, ctypes.POINTER(Handlers)
        for name, types in {"free": [pointer], "poll": [pointer, ctypes.c_int32], "cancel": [pointer, ctypes.c_uint64],
                            "ask": [pointer, ctypes.POINTER(Settings), handlers], "switch_model": [pointer, Text, Text, ctypes.c_int32, handlers],
                            "status": [pointer, handlers], "models": [pointer, handlers], "close_server": [pointer, handlers]}.items():
            function = getattr(library, "fulmar_client_" + name)
            function.argtypes = types
            if types[-1] is handlers:
                function.restype = ctypes.c_uint64
        options = Options()
        library.fulmar_client_options_init(ctypes.byref(options), ctypes.c_size_t(ctypes.sizeof(options)))
        options.host, options.port, options.password = text(host), text(str(port)), text(password)
        options.calls, options.idle_timeout_ms = FROM_POLL, idle_ms
        self.client = library.fulmar_client_new(ctypes.byref(options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.fulmar_client_free(self.client)

    def start(self, name, *words):
        """(number of the request, what it is told)"""
        told = Told(self.library)
        return getattr(self.library, "fulmar_client_" + name)(self.client, *words, ctypes.byref(told.handlers)), told

    def ask(self, *contents, session_id="", max_tokens=2048, temperature=1.2, **more):
        settings = Settings()
        self.library.fulmar_client_settings_init(ctypes.byref(settings), ctypes.c_size_t(ctypes.sizeof(settings)))
        messages = (Message * len(contents))(*[Message(text("user"), text(content)) for content in contents])
        settings.messages, settings.message_count = messages, len(contents)
        settings.session_id, settings.max_tokens, settings.temperature = text(session_id), max_tokens, temperature
        settings.more = text(json.dumps(more))
        return self.start("ask", ctypes.byref(settings))

    def wait(self, told, seconds=120, until=lambda told: told.ends):
        deadline = time.monotonic() + seconds
        while not until(told) and time.monotonic() < deadline:
            self.library.fulmar_client_poll(self.client, 100)
        return told.ends[0] if told.ends else None

    def end(self, name, *words):
        return self.wait(self.start(name, *words)[1])
