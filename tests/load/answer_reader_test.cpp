// An answer is the same whatever pieces its bytes come in, and what is wrong with it is told by its kind.
#include "load/answer_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace fulmar::load {
namespace {

using testing::ElementsAre;

std::vector<std::string> events_of(std::string_view bytes, size_t cut) {
  std::vector<std::string> events;
  SseReader reader([&](std::string_view data) { events.emplace_back(data); });
  EXPECT_TRUE(reader.push(bytes.substr(0, cut)));
  EXPECT_TRUE(reader.push(bytes.substr(cut)));
  reader.finish();
  return events;
}

TEST(SseReader, PutsEventsTogetherWhereverTheyAreCut) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    std::string bytes;
    for (const char* line : {": ping", "", "data: one", "", "event: more", "data:two", "id: 7", "", "", "data: a", "data: b", "",
                             "dataset: none", "data", "", "data: [DONE]"})
      bytes += line + end;
    bytes.resize(bytes.size() - end.size());  // conRWKV sends no line end behind its last
    for (size_t cut = 0; cut <= bytes.size(); ++cut)
      EXPECT_THAT(events_of(bytes, cut), ElementsAre("one", "two", "a\nb", "", "[DONE]")) << cut;
  }
}

TEST(SseReader, HoldsNoEventWithoutEnd) {
  SseReader reader([](std::string_view) {});
  const std::string piece(most_event_bytes / 4, 'x');
  bool more = reader.push("data: ");
  for (int i = 0; i < 5 && more; ++i) more = reader.push(piece);
  EXPECT_FALSE(more);
}

constexpr const char* stream =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
    ": comment\n\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"h\xC3\xA9\"}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"llo \xF0\x9F\x90\xA6\"}}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"completion_tokens\":5}}\n\n"
    "data: [DONE]\n\n";

TEST(AnswerReader, ReadsAStreamCutAnywhere) {
  const std::string_view bytes = stream;
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    Outcome outcome;
    AnswerReader reader(outcome, true);
    EXPECT_TRUE(reader.push(bytes.substr(0, cut), 1));
    EXPECT_TRUE(reader.push(bytes.substr(cut), 2));
    reader.finish(3, true);
    EXPECT_EQ(outcome.fault, Fault::none) << outcome.why;
    EXPECT_EQ(outcome.text, "h\xC3\xA9llo \xF0\x9F\x90\xA6") << cut;
    EXPECT_EQ(outcome.pieces, 2u);
    EXPECT_EQ(outcome.tokens, 5u);
    EXPECT_EQ(outcome.end, cut + 1 < bytes.size() ? 2 : outcome.end) << "the end mark's time, and not that of the connection's end";
  }
}

TEST(AnswerReader, TimesTheFirstTextAndTheGaps) {
  Outcome outcome;
  AnswerReader reader(outcome, true);
  reader.push("data: {\"choices\":[{\"text\":\"\"}]}\n\n", 1);
  reader.push("data: {\"choices\":[{\"text\":\"a\"}]}\n\n", 2);
  reader.push("data: {\"choices\":[{\"text\":\"b\"}]}\n\n", 2.5);
  reader.push("data: [DONE]", 4);
  reader.finish(5, true);
  EXPECT_EQ(outcome.first, 2) << "an empty text is none";
  EXPECT_THAT(outcome.gaps, ElementsAre(0.5f));
  EXPECT_TRUE(reader.done());
}

Fault fault_of(std::string_view bytes, bool events, bool certain = true) {
  Outcome outcome;
  AnswerReader reader(outcome, events);
  reader.push(bytes, 1);
  reader.finish(2, certain);
  return outcome.fault;
}

TEST(AnswerReader, TellsWhatIsWrongByItsKind) {
  constexpr const char* text = "data: {\"choices\":[{\"text\":\"a\"}]}\n\n";
  EXPECT_EQ(fault_of(text, true), Fault::none) << "HTTP says that this was all";
  EXPECT_EQ(fault_of(text, true, false), Fault::reset) << "nobody says so";
  EXPECT_EQ(fault_of(fmt::format("{}data: [\"[DONE]\"]\n\n", text), true, false), Fault::none);
  EXPECT_EQ(fault_of("data: [DONE]\n\n", true), Fault::empty);
  EXPECT_EQ(fault_of("", true), Fault::empty);
  EXPECT_EQ(fault_of("data: {\"choices\":\n\n", true), Fault::malformed);
  EXPECT_EQ(fault_of("data: {\"choices\":[{\"text\":\"\xC3\"}]}\n\n", true), Fault::malformed) << "half a character";
  EXPECT_EQ(fault_of(fmt::format("{}data: {{\"error\":{{\"message\":\"no memory\"}}}}\n\n", text), true), Fault::error);
  EXPECT_EQ(fault_of(R"({"choices":[{"message":{"content":"a"}}],"usage":{"completion_tokens":1}})", false), Fault::none);
  EXPECT_EQ(fault_of(R"({"choices":[{"text":"a"}],"error":null})", false), Fault::none);
  EXPECT_EQ(fault_of("<html>", false), Fault::malformed);
  EXPECT_EQ(fault_of(R"({"error":"no"})", false), Fault::error);
}

}  // namespace
}  // namespace fulmar::load
