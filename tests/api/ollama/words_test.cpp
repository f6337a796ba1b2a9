// What Ollama's clients read of an answer, recorded by hand from its documentation.
#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include "api/ollama/words.h"
#include "api/said.h"

namespace fulmar::test {
namespace {

const api::Usage used{.prompt = 20, .completion = 9, .thought = 4, .cached = 12, .times = {1, 2000, 3000}};

std::string timeless(const std::string& text) {
  const std::string at = without(text, "\"created_at\":\"", "-:.");
  return without(without(without(at, "\"total_duration\":"), "\"load_duration\":"), "\"call_");
}

const std::string numbers =
    R"("total_duration":X,"load_duration":X,"prompt_eval_count":20,"prompt_eval_duration":2000,"eval_count":9,"eval_duration":3000)";

TEST(OllamaWords, AChatsLinesAreThoseOfTheRecordedTable) {
  const auto words = api::ollama::chat_words("demo:latest");
  EXPECT_EQ(words->stream_head().content_type, "application/x-ndjson");
  std::string out;
  words->open(0, out);
  say(*words, said_text("Let me", ""), out);
  say(*words, said_text("", "The \"sea\""), out);
  const CallPiece first[] = {{0, "look", "{\"at\":"}};
  const CallPiece rest[] = {{0, "", "1.50}"}, {1, "count", ""}};
  say(*words, {0, {}, {}, first, {}, Finish::none, {}}, out);
  say(*words, {0, {}, {}, rest, {}, Finish::called, {}}, out);
  words->end(used, out);
  const std::string head = R"({"model":"demo:latest","created_at":"X","message":{"role":"assistant","content":)";
  std::string lines;
  for (const char* rest_of_line : {R"("","thinking":"Let me"},"done":false})", R"("The \"sea\""},"done":false})",
                                   R"("","tool_calls":[{"id":"call_X","function":{"index":0,"name":"look","arguments":{"at":1.50}}}]},"done":false})",
                                   R"("","tool_calls":[{"id":"call_X","function":{"index":1,"name":"count","arguments":{}}}]},"done":false})"})
    lines += fmt::format("{}{}\n", head, rest_of_line);
  EXPECT_EQ(timeless(out), fmt::format("{}{}{}{}\n", lines, head, R"(""},"done":true,"done_reason":"stop",)", numbers + "}"));
}

TEST(OllamaWords, AGeneratedTextsLinesTellTheContextAtTheEnd) {
  const auto words = api::ollama::generate_words("demo");
  std::string out;
  const Token turn[] = {5, 6, 7, 8};
  say(*words, said_text("", "Yes"), out);
  api::Said said = said_text("", "");
  said.finish = Finish::length;
  said.course.turn = turn;
  say(*words, said, out);
  words->end(used, out);
  EXPECT_EQ(timeless(out), fmt::format("{}\n{}{}{}\n", R"({"model":"demo","created_at":"X","response":"Yes","done":false})",
                                       R"({"model":"demo","created_at":"X","response":"","done":true,"done_reason":"length","context":[5,6,7,8],)",
                                       numbers, "}"));
}

TEST(OllamaWords, AFailureIsALineOfItsOwn) {
  std::string out;
  api::ollama::chat_words("demo")->fail(http::Failure(Error(ErrorKind::unavailable, "gone")), out);
  EXPECT_EQ(out, "{\"error\":\"gone\"}\n");
}

TEST(OllamaWords, AnswersInOnePiece) {
  const ToolCall calls[] = {{"look", "{\"at\":1.50}"}};
  api::Ending ending{Finish::called, calls, {}, {}, {}};
  const auto chat = api::ollama::chat_words("demo");
  EXPECT_EQ(timeless(whole(*chat, "hm", "Yes", ending, used)),
            R"({"model":"demo","created_at":"X","message":{"role":"assistant","thinking":"hm","content":"Yes",)"
            R"("tool_calls":[{"id":"call_X","function":{"index":0,"name":"look","arguments":{"at":1.50}}}]},"done":true,"done_reason":"stop",)" +
                numbers + "}");
  ending = {Finish::stop, {}, {}, {}, {}};
  const auto text = api::ollama::generate_words("demo");
  EXPECT_EQ(timeless(whole(*text, "", "", ending, used)),
            R"({"model":"demo","created_at":"X","response":"","done":true,"done_reason":"stop",)" + numbers + "}");
}

}  // namespace
}  // namespace fulmar::test
