// The server of the other families' tests, with what the tests of states ask of it.
#pragma once
#include <gmock/gmock.h>

#include "api/service.h"

namespace fulmar::test {

struct StateService : Service {
  using Service::Service;

  Answer get(std::string_view path) const { return client().get(path); }
  Answer post(std::string_view path, std::string_view body) const { return client().post(path, body); }
  Answer erase(std::string_view path) const {
    Client one = client();
    one.send("DELETE", path);
    return one.receive();
  }

  // What the session `from` says to `prompt`, kept in `keep`.
  std::string turn(const std::string& prompt, const std::string& from, const std::string& keep, uint32_t tokens = 5) const {
    const auto listener = listen_to(*engine, question(prompt, from, keep, tokens));
    EXPECT_EQ(listener->wait(), Finish::length) << listener->error();
    return listener->text();
  }
  static Question question(const std::string& prompt, const std::string& from, const std::string& keep, uint32_t tokens) {
    Question asked = fulmar::ask(prompt, tokens);
    asked.input.may_be_empty = true;
    Stream stream;
    stream.from = from;
    stream.keep = keep;
    asked.streams = {stream};
    return asked;
  }
};

inline json::object object_of(const Answer& answer) {
  boost::system::error_code bad;
  json::value value = json::parse(answer.body, bad);
  EXPECT_FALSE(bad || !value.is_object()) << answer.body.substr(0, 1000);
  return bad || !value.is_object() ? json::object() : value.as_object();
}

// The sentence of an error, which names `param` where one is given.
inline std::string complaint(const Answer& answer, int status, std::string_view param = {}) {
  EXPECT_EQ(answer.status, status) << answer.body.substr(0, 1000);
  json::object object = object_of(answer);
  if (!object.contains("error")) return {};
  const json::object& error = object["error"].as_object();
  if (!param.empty()) {
    EXPECT_EQ(error.at("param"), json::value(param)) << answer.body.substr(0, 1000);
  }
  return std::string(error.at("message").as_string());
}

}  // namespace fulmar::test
