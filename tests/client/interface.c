// The C interface from a program in C: structs of older and newer versions, texts that no zero ends, and what is null.
// Its argument is the port of a server whose answer is "Hello".
#include <fulmar/client_c.h>
#include <stdio.h>
#include <stdlib.h>

struct told {
  char stream[64], end[256];
  size_t streamed, releases;
  int succeeded, failed;
};

static void on_stream(void* user, const char* text, size_t bytes) {
  struct told* told = user;
  if (told->streamed + bytes < sizeof told->stream) memcpy(told->stream + told->streamed, text, bytes);
  told->streamed += bytes;
}
static void on_succeeded(void* user, const char* text, size_t bytes) {
  struct told* told = user;
  snprintf(told->end, sizeof told->end, "%s", text);
  told->succeeded += strlen(text) == bytes ? 1 : 100;
}
static void on_failed(void* user, fulmar_client_failure failure, const char* message, size_t bytes) {
  struct told* told = user;
  snprintf(told->end, sizeof told->end, "%s: %s", fulmar_client_failure_name(failure), message);
  told->failed += strlen(message) == bytes ? 1 : 100;
}
static void on_release(void* user) { ((struct told*)user)->releases++; }

static void check(int holds, const char* what) {
  if (holds) return;
  printf("FAILED: %s\n", what);
  exit(1);
}

static fulmar_client_handlers tell(struct told* told) {
  fulmar_client_handlers handlers;
  fulmar_client_handlers_init(&handlers, sizeof handlers);
  memset(told, 0, sizeof *told);
  handlers.user = told;
  handlers.on_stream = on_stream;
  handlers.on_succeeded = on_succeeded;
  handlers.on_failed = on_failed;
  handlers.on_release = on_release;
  return handlers;
}

static void wait_for(fulmar_client* client, struct told* told) {
  int i;
  for (i = 0; i < 300 && told->releases == 0; ++i) fulmar_client_poll(client, 100);
  check(told->releases == 1 && told->succeeded + told->failed == 1, "one end and one release");
}

int main(int argc, char** argv) {
  const fulmar_client_message message = {{"user...", 4}, {"Hi!", 2}};
  struct told told;
  fulmar_client_handlers handlers = tell(&told);
  fulmar_client_options options;
  fulmar_client_settings settings;
  struct {
    fulmar_client_settings known;
    char later[64];
  } newer;
  struct {
    void* guard;
    char bytes[sizeof(fulmar_client_settings)];
  } older;
  const size_t old_size = offsetof(fulmar_client_settings, n);
  fulmar_client* client;
  check(argc == 2, "an argument");

  check(fulmar_client_ask(NULL, NULL, &handlers) == 0 && told.releases == 1, "without a client handlers are released");
  fulmar_client_cancel(NULL, 1);
  fulmar_client_free(NULL);
  check(fulmar_client_poll(NULL, 0) == 0, "nothing to poll");
  check(strcmp(fulmar_client_failure_name((fulmar_client_failure)99), "unknown") == 0, "a failure of a later version");
  check(strcmp(fulmar_client_failure_name(FULMAR_CLIENT_TIMED_OUT), "timed out") == 0, "a failure");

  fulmar_client_options_init(&options, sizeof options);
  check(options.size == sizeof options && options.connect_timeout_ms == 10000, "defaults of options");
  options.port = fulmar_client_text_of(argv[1]);
  options.calls = FULMAR_CLIENT_FROM_POLL;
  client = fulmar_client_new(&options);
  check(client != NULL, "a client");

  fulmar_client_settings_init(&settings, sizeof settings);
  check(settings.max_tokens == 2048 && settings.n == 1 && settings.temperature == 1.2, "defaults of settings");
  settings.messages = &message;
  settings.message_count = 1;
  handlers = tell(&told);
  check(fulmar_client_ask(client, &settings, &handlers) != 0, "a request");
  wait_for(client, &told);
  check(strcmp(told.end, "Hello") == 0 && memcmp(told.stream, "Hello", 5) == 0 && told.streamed == 5, told.end);

  memset(&older, 0x55, sizeof older);  // a program that does not know n, max_tokens and more
  fulmar_client_settings_init((fulmar_client_settings*)older.bytes, old_size);
  check((unsigned char)older.bytes[old_size] == 0x55, "what an older program has behind its struct is left alone");
  ((fulmar_client_settings*)older.bytes)->messages = &message;
  ((fulmar_client_settings*)older.bytes)->message_count = 1;
  handlers = tell(&told);
  fulmar_client_ask(client, (fulmar_client_settings*)older.bytes, &handlers);
  wait_for(client, &told);
  check(strcmp(told.end, "Hello") == 0, told.end);

  fulmar_client_settings_init(&newer.known, sizeof newer);
  check(newer.known.size == sizeof newer, "a newer program's size");
  newer.known.messages = &message;
  newer.known.message_count = 1;
  handlers = tell(&told);
  handlers.on_stream = NULL;
  fulmar_client_ask(client, &newer.known, &handlers);
  wait_for(client, &told);
  check(strcmp(told.end, "Hello") == 0 && told.streamed == 0, told.end);

  handlers = tell(&told);
  fulmar_client_ask(client, NULL, &handlers);
  wait_for(client, &told);
  check(strcmp(told.end, "invalid: there are no messages to be answered") == 0, told.end);

  check(fulmar_client_ask(client, &settings, NULL) != 0, "nobody has to listen");
  handlers = tell(&told);
  fulmar_client_cancel(client, fulmar_client_ask(client, &settings, &handlers));
  fulmar_client_free(client);
  check(told.releases == 1 && told.succeeded + told.failed == 0, "an end without a word");
  printf("ok\n");
  return 0;
}
