// What Ollama's clients read of an answer, recorded by hand from its documentation.
#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

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

api::ollama::Head head_of(const char* model) {
  return {model, std::chrono::steady_clock::now()};
}

TEST(OllamaWords, AChatsLinesAreThoseOfTheRecordedTable) {
  const auto words = api::ollama::chat_words(head_of("demo:latest"));
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
  const auto words = api::ollama::generate_words(head_of("demo"));
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
  api::ollama::chat_words(head_of("demo"))->fail(http::Failure(Error(ErrorKind::unavailable, "gone")), out);
  EXPECT_EQ(out, "{\"error\":\"gone\"}\n");
}

TEST(OllamaWords, AnswersInOnePiece) {
  const ToolCall calls[] = {{"look", "{\"at\":1.50}"}};
  api::Ending ending{Finish::called, calls, {}, {}, {}};
  const auto chat = api::ollama::chat_words(head_of("demo"));
  EXPECT_EQ(timeless(whole(*chat, "hm", "Yes", ending, used)),
            R"({"model":"demo","created_at":"X","message":{"role":"assistant","thinking":"hm","content":"Yes",)"
            R"("tool_calls":[{"id":"call_X","function":{"index":0,"name":"look","arguments":{"at":1.50}}}]},"done":true,"done_reason":"stop",)" +
                numbers + "}");
  ending = {Finish::stop, {}, {}, {}, {}};
  const auto text = api::ollama::generate_words(head_of("demo"));
  EXPECT_EQ(timeless(whole(*text, "", "", ending, used)),
            R"({"model":"demo","created_at":"X","response":"","done":true,"done_reason":"stop",)" + numbers + "}");
}

// Its clients know objects only, and would run what has lost half of its arguments.
TEST(OllamaWords, ACallThatWasCutIsNoCall) {
  const auto stream = api::ollama::chat_words(head_of("demo"));
  std::string out;
  const CallPiece pieces[] = {{0, "look", "{}"}, {1, "count", "{\"n\":"}};
  say(*stream, {0, {}, {}, pieces, {}, Finish::length, {}}, out);
  stream->end(used, out);
  EXPECT_NE(out.find("\"look\""), out.npos);
  EXPECT_EQ(out.find("\"count\""), out.npos) << out;
}

// As Ollama's own types have it: a list beside the text, of which the likeliest tokens are missing where none are asked for.
TEST(OllamaWords, ScoresStandBesideTheText) {
  const TokenScore cells[] = {{'Y', -0.5f}, {'Y', -0.5f}, {'N', -1.5f}, {0xc3, -2}, {'a', -0.25f}, {-1, 0}};
  const std::string first = R"({"token":"Y","logprob":-0.5,"bytes":[89],"top_logprobs":[{"token":"Y","logprob":-0.5,"bytes":[89]},)"
                            R"({"token":"N","logprob":-1.5,"bytes":[78]}]})";
  const std::string second = R"({"token":"\ufffd","logprob":-2,"bytes":[195],"top_logprobs":[{"token":"a","logprob":-0.25,"bytes":[97]}]})";
  const auto scored = [](uint16_t top) {
    api::ollama::Head head = head_of("demo");
    head.top = top;
    head.spell = [](Token token) { return std::string(1, static_cast<char>(token)); };
    return head;
  };
  const auto replaced = [](std::string text) {  // U+FFFD is a character here
    for (size_t at; (at = text.find("\\ufffd")) != text.npos;) text.replace(at, 6, "\xef\xbf\xbd");
    return text;
  };
  std::string out;
  say(*api::ollama::chat_words(scored(2)), {0, {}, "Y", {}, {cells, 3}, Finish::none, {}}, out);
  EXPECT_EQ(timeless(out), replaced(fmt::format(R"({{"model":"demo","created_at":"X","message":{{"role":"assistant","content":"Y"}},"logprobs":[{},{}],"done":false}})"
                                                "\n", first, second)));
  const api::Ending ending{Finish::stop, {}, {}, {}, {}};
  for (const bool is_chat : {true, false}) {
    const auto words = is_chat ? api::ollama::chat_words(scored(0)) : api::ollama::generate_words(scored(0));
    std::string whole_text;
    words->begin_whole(whole_text);
    words->begin_choice(0, {false, true, false}, whole_text);
    words->end_choice(0, ending, whole_text);
    EXPECT_TRUE(words->put_scores(0, {{}, {std::span(cells).first(1), 1}}, whole_text));
    words->end_whole(used, whole_text);
    EXPECT_EQ(boost::json::serialize(boost::json::parse(whole_text).at("logprobs")), R"([{"token":"Y","logprob":-5E-1,"bytes":[89]}])");
  }
}

}  // namespace
}  // namespace fulmar::test
