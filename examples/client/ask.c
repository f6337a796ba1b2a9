// Asks a server one question and prints the answer as it comes: ./ask 127.0.0.1 8000 "What is 23 + 45?"
#include <fulmar/client_c.h>
#include <stdio.h>

static void on_stream(void* user, const char* text, size_t bytes) {
  (void)user;
  fwrite(text, 1, bytes, stdout);
  fflush(stdout);
}

static void on_succeeded(void* user, const char* text, size_t bytes) {
  (void)text, (void)bytes;
  printf("\n");
  *(int*)user = 0;
}

static void on_failed(void* user, fulmar_client_failure failure, const char* message, size_t bytes) {
  (void)bytes;
  fprintf(stderr, "%s: %s\n", fulmar_client_failure_name(failure), message);
  *(int*)user = 1;
}

int main(int argc, char** argv) {
  int outcome = -1;
  fulmar_client* client;
  fulmar_client_options options;
  fulmar_client_settings settings;
  fulmar_client_handlers handlers;
  fulmar_client_message message;
  if (argc != 4) {
    fprintf(stderr, "usage: ask HOST PORT QUESTION\n");
    return 2;
  }
  fulmar_client_options_init(&options, sizeof options);
  options.host = fulmar_client_text_of(argv[1]);
  options.port = fulmar_client_text_of(argv[2]);
  options.calls = FULMAR_CLIENT_FROM_POLL;
  client = fulmar_client_new(&options);

  message.role = fulmar_client_text_of("user");
  message.content = fulmar_client_text_of(argv[3]);
  fulmar_client_settings_init(&settings, sizeof settings);
  settings.messages = &message;
  settings.message_count = 1;
  settings.max_tokens = 200;

  fulmar_client_handlers_init(&handlers, sizeof handlers);
  handlers.user = &outcome;
  handlers.on_stream = on_stream;
  handlers.on_succeeded = on_succeeded;
  handlers.on_failed = on_failed;
  if (fulmar_client_ask(client, &settings, &handlers) == 0) return 1;
  while (outcome < 0) fulmar_client_poll(client, 100);  // a game calls it once a frame, with 0
  fulmar_client_free(client);
  return outcome;
}
