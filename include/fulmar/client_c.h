// A client of Fulmar's server for applications, as plain C: asking, streams, switching models. docs/client.md is its manual.
// The two headers of the client, this one and client.h for C++, need nothing else of Fulmar's; the library behind them is
// libfulmar_client. All text is UTF-8. No function blocks, but fulmar_client_poll() as long as it is told to and
// fulmar_client_free() until a handler that is running has returned. All may be called from any thread and from handlers.
#ifndef FULMAR_CLIENT_C_H
#define FULMAR_CLIENT_C_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(FULMAR_CLIENT_STATIC)
#define FULMAR_CLIENT_API
#elif defined(_WIN32) && defined(FULMAR_CLIENT_BUILD)
#define FULMAR_CLIENT_API __declspec(dllexport)
#elif defined(_WIN32)
#define FULMAR_CLIENT_API __declspec(dllimport)
#else
#define FULMAR_CLIENT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fulmar_client fulmar_client;
typedef uint64_t fulmar_client_request; // a number of its client's, never used twice; 0: none

// Bytes that need not end with a zero. {NULL, 0} is the empty text.
typedef struct fulmar_client_text {
  const char* data;
  size_t size;
} fulmar_client_text;

static inline fulmar_client_text fulmar_client_text_of(const char* zero_terminated) {
  fulmar_client_text text;
  text.data = zero_terminated;
  text.size = zero_terminated ? strlen(zero_terminated) : 0;
  return text;
}

// Structs begin with their size and grow at their end: a program and a library of different versions understand each other.
// The _init functions fill in the size and the defaults.

enum { FULMAR_CLIENT_FROM_THREAD = 0, FULMAR_CLIENT_FROM_POLL = 1 };

typedef struct fulmar_client_options {
  size_t size;
  fulmar_client_text host;     // a name or an address: "127.0.0.1"
  fulmar_client_text port;     // "8000"
  fulmar_client_text password; // none; sent as `Authorization: Bearer`
  int32_t calls;               // FULMAR_CLIENT_FROM_THREAD: handlers run on a thread of the client's; or in fulmar_client_poll()
  int32_t connect_timeout_ms;  // 10000: to find the name and to connect
  int32_t idle_timeout_ms;     // 120000: without a byte from the server, or without one that it takes
  int32_t load_timeout_ms;     // 900000: the same while it switches models, which says nothing until it is done
} fulmar_client_options;

typedef struct fulmar_client_message {
  fulmar_client_text role; // "system", "user", "assistant"
  fulmar_client_text content;
} fulmar_client_message;

// What to ask; the defaults are those of AsyncHttpRWKV's RWKVSetting.
typedef struct fulmar_client_settings {
  size_t size;
  const fulmar_client_message* messages; // oldest first; at least one
  size_t message_count;
  fulmar_client_text model;      // "rwkv"
  fulmar_client_text session_id; // none; the server keeps the conversation under this name, and messages are what is new
  double temperature;            // 1.2
  double top_p;                  // 0.9
  double presence_penalty;       // 0.6
  double frequency_penalty;      // 0
  int32_t n;                     // 1, and nothing else: ask again for a second answer
  int32_t max_tokens;            // 2048
  fulmar_client_text more;       // none; a JSON object of other fields of the endpoint, as {"seed": 7, "enable_think": false}
} fulmar_client_settings;

// Why a request failed.
typedef enum fulmar_client_failure {
  FULMAR_CLIENT_INVALID = 1,  // what was asked for cannot be sent; nothing was
  FULMAR_CLIENT_UNREACHABLE,  // no such name, or no server listens there
  FULMAR_CLIENT_TIMED_OUT,    // one of the three timeouts
  FULMAR_CLIENT_DISCONNECTED, // the connection ended before the answer did
  FULMAR_CLIENT_REFUSED,      // the server says why: the message is its own, behind the status
  FULMAR_CLIENT_MALFORMED,    // the server sent what is no answer
  FULMAR_CLIENT_TOO_LARGE,    // past a bound of the client's, or of the machine's memory
  FULMAR_CLIENT_CANCELLED     // fulmar_client_cancel()
} fulmar_client_failure;

// What becomes of a request. One of on_succeeded and on_failed is called, once, after all of on_stream; unless the client is
// freed before, then none. Texts end with a zero that `bytes` does not count, and last until the handler returns. None of the
// four must be there, and none may throw.
typedef struct fulmar_client_handlers {
  size_t size;
  void* user; // handed to each
  void (*on_stream)(void* user, const char* text, size_t bytes);    // what is new of an answer, in whole characters
  void (*on_succeeded)(void* user, const char* text, size_t bytes); // the whole: what on_stream had, put together
  void (*on_failed)(void* user, fulmar_client_failure failure, const char* message, size_t bytes);
  void (*on_release)(void* user); // at last, always: `user` is not used any more
} fulmar_client_handlers;

FULMAR_CLIENT_API void fulmar_client_options_init(fulmar_client_options* options, size_t size);
FULMAR_CLIENT_API void fulmar_client_settings_init(fulmar_client_settings* settings, size_t size);
FULMAR_CLIENT_API void fulmar_client_handlers_init(fulmar_client_handlers* handlers, size_t size);

// NULL only where the system has no memory, thread or socket left: a wrong host or port is told by each request. No
// options: the defaults.
FULMAR_CLIENT_API fulmar_client* fulmar_client_new(const fulmar_client_options* options);

// Ends the client and its requests; no handler but on_release is called after it. From inside a handler it does not wait
// for that one. The server stops to make the answers that were under way.
FULMAR_CLIENT_API void fulmar_client_free(fulmar_client* client);

// Each of these returns at once and calls no handler itself. What it is given is copied. 0: no client or no memory, and
// then no handler was called but on_release. Up to 256 requests may be under way.

// An answer in a conversation, streamed.
FULMAR_CLIENT_API fulmar_client_request fulmar_client_ask(fulmar_client* client, const fulmar_client_settings* settings,
                                                          const fulmar_client_handlers* handlers);

// Has the server load a model: a file's name, and a strategy as "cuda fp16". So many of its layers stay on the device, and
// the others are streamed through it; 0: the strategy says all. Succeeds with "success".
FULMAR_CLIENT_API fulmar_client_request fulmar_client_switch_model(fulmar_client* client, fulmar_client_text model,
                                                                   fulmar_client_text strategy, int32_t stored_layers,
                                                                   const fulmar_client_handlers* handlers);

// Succeeds with "working", "loading" or "offline" (no model), and fails where there is no server.
FULMAR_CLIENT_API fulmar_client_request fulmar_client_status(fulmar_client* client, const fulmar_client_handlers* handlers);

// Succeeds with the names of the server's models, each on a line.
FULMAR_CLIENT_API fulmar_client_request fulmar_client_models(fulmar_client* client, const fulmar_client_handlers* handlers);

// Ends the server's process.
FULMAR_CLIENT_API fulmar_client_request fulmar_client_close_server(fulmar_client* client,
                                                                   const fulmar_client_handlers* handlers);

// The request fails as cancelled, unless it has ended; on_stream is not called for it any more, but for a call that has begun.
FULMAR_CLIENT_API void fulmar_client_cancel(fulmar_client* client, fulmar_client_request request);

// Calls the handlers of whatever has come; waits up to `wait_ms` where nothing has (0 for a game's tick), and answers how
// many calls were made. 0 where handlers run on the client's thread, and inside a handler.
FULMAR_CLIENT_API size_t fulmar_client_poll(fulmar_client* client, int32_t wait_ms);

// A failure as a word, "timed out"; never NULL.
FULMAR_CLIENT_API const char* fulmar_client_failure_name(fulmar_client_failure failure);

#ifdef __cplusplus
}
#endif
#endif
