// OpenAI's chunks, RWKV-Runner's words, and the forms in which servers wrap an error.
#include "client/answer.h"

#include <algorithm>

#include "base/utf8.h"
#include "client/failed.h"
#include "client/json_reader.h"

namespace fulmar::client::impl {
namespace {

constexpr size_t most_body = 8 << 20;

[[noreturn]] void malformed(const std::string& message) {
  throw Failed{FULMAR_CLIENT_MALFORMED, message};
}

// {"message": "..."}, or a text; of a list, such as FastAPI's of fields, the first {"msg": "..."}.
std::string sentence_in(JsonReader& reader) {
  std::string sentence;
  if (reader.text(sentence)) return sentence;
  const auto read = [&](std::string_view name) {
    if (sentence.empty() && (name == "message" || name == "msg")) reader.text(sentence);
  };
  if (reader.at('['))
    reader.array([&] { reader.object(read); });
  else
    reader.object(read);
  return sentence;
}

// {"error": ...} of OpenAI's and others, {"detail": ...} of FastAPI; else what came.
std::string sentence_of(std::string_view body) {
  std::string sentence;
  JsonReader reader(body);
  reader.object([&](std::string_view name) {
    if (name == "error" || name == "detail" || name == "message") sentence = sentence_in(reader);
  });
  return shown(replace_bad_utf8(sentence.empty() ? body : sentence), 1000);
}

// The text of a choice, whose `delta` or `message` it is.
struct Choice {
  int64_t index = 0;
  std::string content;
  bool finished = false;
};
Choice choice_in(JsonReader& reader) {
  Choice choice;
  reader.object([&](std::string_view name) {
    if (name == "index") {
      reader.integer(choice.index);
    } else if (name == "delta" || name == "message") {
      reader.object([&](std::string_view member) {
        if (member == "content") reader.text(choice.content);
      });
    } else if (name == "finish_reason") {
      std::string reason;
      choice.finished = reader.text(reason);
    }
  });
  return choice;
}

std::string status_word(std::string_view body) {
  int64_t status = -1;
  JsonReader reader(body);
  reader.object([&](std::string_view name) {
    if (name == "status") reader.integer(status);
  });
  if (reader.whole() && status == 0) return "offline";
  if (reader.whole() && status == 2) return "loading";
  if (reader.whole() && status == 3) return "working";
  malformed("/status answers no status of 0, 2 or 3, but " + shown(body));
}

// "id" of each entry of "data", a line each.
std::string model_names(std::string_view body) {
  std::string names;
  bool found = false;
  JsonReader reader(body);
  reader.object([&](std::string_view name) {
    if (name != "data") return;
    found = reader.array([&] {
      reader.object([&](std::string_view member) {
        std::string id;
        if (member != "id" || !reader.text(id)) return;
        if (!names.empty()) names += '\n';
        names += escape_controls(replace_bad_utf8(id));
      });
    });
  });
  if (!found || !reader.whole()) malformed("/v1/models answers no list of models, but " + shown(body));
  return names;
}

}  // namespace

void Answer::take(const ResponseReader& head, std::string_view body, const Say& say) {
  if (kind_ == Call::Kind::ask && head.status() == 200 && head.content_type().starts_with("text/event-stream")) {
    events_.take(body, [&](std::string_view data) { take_event(data, say); });
    return;
  }
  if (head.status() != 200) body = body.substr(0, std::min(body.size(), (64 << 10) - std::min<size_t>(body_.size(), 64 << 10)));
  if (body_.size() + body.size() > most_body) throw Failed{FULMAR_CLIENT_TOO_LARGE, "the server's answer has more than 8 MiB"};
  body_ += body;
}

void Answer::take_event(std::string_view data, const Say& say) {
  if (done_) return;
  if (data == "[DONE]") {
    done_ = true;
    return;
  }
  std::string error;
  bool failed = false;
  JsonReader reader(data);
  std::string text;
  const bool is_object = reader.object([&](std::string_view name) {
    if (name == "choices") {
      has_choices_ = true;
      reader.array([&] {
        const Choice choice = choice_in(reader);
        if (choice.index != 0) return;
        text += choice.content;
        finished_ |= choice.finished;
      });
    } else if (name == "error" && !reader.at('n')) {
      failed = true;
      error = sentence_in(reader);
    }
  });
  if (!is_object || !reader.whole()) malformed("the server sent an event that is no JSON object: " + shown(data));
  if (failed)
    throw Failed{FULMAR_CLIENT_REFUSED, error.empty() ? "the server broke off its answer" : shown(replace_bad_utf8(error), 1000)};
  say_characters(text, say);
}

void Answer::say_characters(std::string_view bytes, const Say& say) {
  tail_ += bytes;
  if (const std::string whole = take_utf8(tail_); !whole.empty()) say(whole);
}

void Answer::end_stream(const Say& say) {
  if (!done_ && !finished_)
    throw Failed{FULMAR_CLIENT_DISCONNECTED, "the server's answer ended before its text did"};
  if (!tail_.empty()) say(replace_bad_utf8(tail_));
}

void Answer::refuse(int status) const {
  const std::string sentence = sentence_of(body_);
  if (status == 304) throw Failed{FULMAR_CLIENT_REFUSED, "304: another model is being loaded, which has to be waited for"};
  throw Failed{FULMAR_CLIENT_REFUSED, std::to_string(status) + ": " + (sentence.empty() ? "the server does not say why" : sentence)};
}

void Answer::end(const ResponseReader& head, const Say& say) {
  const int status = head.status();
  if (kind_ == Call::Kind::status && status == 404) {
    wants_health_ = true;
    return;
  }
  if (kind_ == Call::Kind::health && status == 503) return say("offline");
  if (status != 200) refuse(status);
  switch (kind_) {
    case Call::Kind::ask:
      if (head.content_type().starts_with("text/event-stream")) {
        events_.end([&](std::string_view data) { take_event(data, say); });
      } else {
        take_event(body_, say);  // a server that does not stream
        if (!has_choices_) malformed("the server's answer has no choices: " + shown(body_));
        finished_ = true;
      }
      return end_stream(say);
    case Call::Kind::switch_model: {
      std::string word;
      JsonReader reader(body_);
      if (!reader.text(word) || !reader.whole() || word != "success")
        malformed("/switch-model answers not \"success\", but " + shown(body_));
      return say(word);
    }
    case Call::Kind::status: return say(status_word(body_));
    case Call::Kind::health: return say("working");
    case Call::Kind::models: return say(model_names(body_));
    case Call::Kind::close: return;
  }
}

}  // namespace fulmar::client::impl
