// What tests of sessions and prefixes ask a model that is a hash of all it was fed: a token too many or too few changes the
// text.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "engine/fake_model.h"

namespace fulmar {

inline Stream stream_from(StatePtr start) {
  Stream stream;
  stream.start = std::move(start);
  return stream;
}
inline Stream stream_with(float gate) {
  Stream stream;
  stream.gate = gate;
  return stream;
}

inline Question turn_of(const std::string& prompt, uint32_t max_tokens, const std::string& session) {
  Question question = ask(prompt, max_tokens);
  question.input.may_be_empty = true;
  Stream stream;
  stream.from = stream.keep = session;
  question.streams = {stream};
  return question;
}

inline std::string answer(Engine& engine, Question question) {
  const auto listener = listen_to(engine, std::move(question));
  EXPECT_TRUE(listener->wait() == Finish::length || listener->wait() == Finish::stop) << listener->error();
  return listener->text();
}

// As if the whole conversation were one prompt.
inline std::string whole(const std::string& text, uint32_t max_tokens) {
  const auto engine = make_fake_engine({});
  return answer(*engine, ask(text, max_tokens));
}

}  // namespace fulmar
