// What Anthropic's clients read of an answer, recorded by hand from its documentation.
#include <boost/json/parse.hpp>

#include "api/anthropic/words.h"
#include "api/said.h"

namespace fulmar::test {
namespace {

const api::Usage used{.prompt = 20, .completion = 9, .thought = 4, .cached = 12};

std::string named(const std::string& text) {
  return without(without(text, "\"msg_"), "\"toolu_");
}

TEST(AnthropicWords, AStreamHasTheEventsOfTheRecordedTable) {
  const auto words = api::anthropic::message_words("demo", 20, {"END"});
  std::string out;
  words->open(0, out);
  say(*words, said_text("Let me", ""), out);
  say(*words, said_text(" see", ""), out);
  say(*words, said_text("", "The \"sea\""), out);
  const CallPiece first[] = {{0, "look", "{\"at\":"}};
  const CallPiece rest[] = {{0, "", "\"sky\"}"}, {1, "count", "{}"}};
  say(*words, {0, {}, {}, first, {}, Finish::none, {}}, out);
  say(*words, {0, {}, {}, rest, {}, Finish::called, {}}, out);
  words->end(used, out);
  EXPECT_EQ(named(out), R"(event: message_start
data: {"type":"message_start","message":{"id":"msg_X","type":"message","role":"assistant","model":"demo","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,"output_tokens_details":{"thinking_tokens":0}}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":" see"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"none"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"The \"sea\""}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_X","name":"look","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"at\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"sky\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_X","name":"count","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":8,"cache_creation_input_tokens":0,"cache_read_input_tokens":12,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}}

event: message_stop
data: {"type":"message_stop"}

)");
}

TEST(AnthropicWords, AFailureIsAnEventOfItsOwn) {
  const auto words = api::anthropic::message_words("demo", 1, {});
  std::string out;
  words->fail(http::Failure(Error(ErrorKind::unavailable, "gone")), out);
  EXPECT_EQ(out, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"gone\"}}\n\n");
}

TEST(AnthropicWords, AnAnswerInOnePieceHasABlockForEachPart) {
  const ToolCall calls[] = {{"look", "{\"at\":1.50}"}, {"count", ""}};
  struct Case {
    std::string thought, text;
    bool called;
    std::string content;
  };
  const std::string thought = R"({"type":"thinking","thinking":"hm","signature":"none"})", text = R"({"type":"text","text":"Yes"})",
                    both = R"({"type":"tool_use","id":"toolu_X","name":"look","input":{"at":1.50}},)"
                           R"({"type":"tool_use","id":"toolu_X","name":"count","input":{}})";
  for (const Case& one : {Case{"", "", false, ""}, Case{"", "Yes", false, text}, Case{"hm", "", false, thought},
                          Case{"hm", "Yes", false, thought + ',' + text}, Case{"", "", true, both}, Case{"hm", "", true, thought + ',' + both},
                          Case{"hm", "Yes", true, thought + ',' + text + ',' + both}}) {
    const auto words = api::anthropic::message_words("demo", 20, {});
    api::Ending ending{one.called ? Finish::called : Finish::length, {}, {}, {}, {}};
    if (one.called) ending.calls = calls;
    const std::string out = named(whole(*words, one.thought, one.text, ending, used));
    EXPECT_EQ(out, R"({"id":"msg_X","type":"message","role":"assistant","model":"demo","content":[)" + one.content + R"(],"stop_reason":")" +
                       (one.called ? "tool_use" : "max_tokens") +
                       R"(","stop_sequence":null,"usage":{"input_tokens":8,"cache_creation_input_tokens":0,"cache_read_input_tokens":12,)"
                       R"("output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}})");
    EXPECT_NO_THROW(boost::json::parse(out));
  }
}

TEST(AnthropicWords, AThoughtThatIsOmittedIsAnEmptyBlock) {
  const auto stream = api::anthropic::message_words("demo", 20, {}, true);
  std::string out;
  say(*stream, said_text("Let me", ""), out);
  say(*stream, said_text(" see", ""), out);
  say(*stream, said_text("", "Yes"), out);
  EXPECT_EQ(out, R"(event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"none"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Yes"}}

)");
  const auto words = api::anthropic::message_words("demo", 20, {}, true);
  EXPECT_FALSE(words->puts_text());  // or the thought would be put
  std::string message;
  words->begin_whole(message);
  words->begin_choice(0, {true, true, false}, message);
  words->end_choice(0, {Finish::stop, {}, {}, {}, "\"Yes\""}, message);
  words->end_whole(used, message);
  EXPECT_EQ(boost::json::parse(message).at("content"),
            boost::json::parse(R"([{"type":"thinking","thinking":"","signature":"none"},{"type":"text","text":"\"Yes\""}])"));
}

TEST(AnthropicWords, AStopIsNamedWhereItIsTheClients) {
  const auto reason = [](std::optional<uint32_t> stop) {
    const auto words = api::anthropic::message_words("demo", 20, {"a", "END"});
    api::Ending ending{Finish::stop, {}, {}, {}, {}};
    ending.course.stop = stop;
    const std::string out = whole(*words, "", "Yes", ending, used);
    const size_t begin = out.find("\"stop_reason\""), end = out.find(",\"usage\"");
    return out.substr(begin, end - begin);
  };
  EXPECT_EQ(reason(1), R"("stop_reason":"stop_sequence","stop_sequence":"END")");
  EXPECT_EQ(reason(2), R"("stop_reason":"end_turn","stop_sequence":null)");  // the template's
  EXPECT_EQ(reason({}), R"("stop_reason":"end_turn","stop_sequence":null)");
}

}  // namespace
}  // namespace fulmar::test
