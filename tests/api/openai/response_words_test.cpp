// What clients of OpenAI's Responses API read of an answer, recorded by hand from its documentation and its package's types.
#include <atomic>
#include <boost/json/parse.hpp>

#include "api/openai/response_words.h"
#include "api/said.h"

namespace fulmar::test {
namespace {

const api::Usage used{.prompt = 20, .completion = 9, .thought = 4, .cached = 12};
std::atomic<size_t> held{0};

api::openai::ResponseFacts facts(bool stream) {
  api::openai::ResponseFacts made;
  made.id = "resp_000000000000000000000000";
  made.members = R"("id":"resp_0","object":"response",)";
  made.stream = stream;
  made.read_before = 100;
  made.held = &held;
  return made;
}

// Without the letters and the second that chance and the clock choose.
std::string named(const std::string& text) {
  return without(without(without(text, "\"call_id\":\"call_"), "_000000000000000000000000_"), "\"completed_at\":1");
}

TEST(ResponseWords, AStreamHasTheEventsOfTheRecordedTable) {
  const auto words = api::openai::response_words(facts(true));
  std::string out;
  words->open(0, out);
  say(*words, said_text("Let me", ""), out);
  say(*words, said_text("", "The \"sea\""), out);
  say(*words, said_text("", "."), out);
  const CallPiece first[] = {{0, "look", "{\"at\":"}};
  const CallPiece rest[] = {{0, "", "\"sky\"}"}, {1, "count", ""}};
  say(*words, {0, {}, {}, first, {}, Finish::none, {}}, out);
  say(*words, {0, {}, {}, rest, {}, Finish::called, {}}, out);
  words->end(used, out);
  EXPECT_EQ(named(out), R"(event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_0","object":"response","status":"in_progress","completed_at":null,"error":null,"incomplete_details":null,"output":[],"usage":null}}

event: response.in_progress
data: {"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_0","object":"response","status":"in_progress","completed_at":null,"error":null,"incomplete_details":null,"output":[],"usage":null}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"rs_000000000000000000000000_X","type":"reasoning","status":"in_progress","summary":[],"content":[]}}

event: response.content_part.added
data: {"type":"response.content_part.added","sequence_number":3,"item_id":"rs_000000000000000000000000_X","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":""}}

event: response.reasoning_text.delta
data: {"type":"response.reasoning_text.delta","sequence_number":4,"item_id":"rs_000000000000000000000000_X","output_index":0,"content_index":0,"delta":"Let me"}

event: response.reasoning_text.done
data: {"type":"response.reasoning_text.done","sequence_number":5,"item_id":"rs_000000000000000000000000_X","output_index":0,"content_index":0,"text":"Let me"}

event: response.content_part.done
data: {"type":"response.content_part.done","sequence_number":6,"item_id":"rs_000000000000000000000000_X","output_index":0,"content_index":0,"part":{"type":"reasoning_text","text":"Let me"}}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":{"id":"rs_000000000000000000000000_X","type":"reasoning","status":"completed","summary":[],"content":[{"type":"reasoning_text","text":"Let me"}]}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":8,"output_index":1,"item":{"id":"msg_000000000000000000000000_X","type":"message","status":"in_progress","role":"assistant","content":[]}}

event: response.content_part.added
data: {"type":"response.content_part.added","sequence_number":9,"item_id":"msg_000000000000000000000000_X","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":10,"item_id":"msg_000000000000000000000000_X","output_index":1,"content_index":0,"delta":"The \"sea\"","logprobs":[]}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":11,"item_id":"msg_000000000000000000000000_X","output_index":1,"content_index":0,"delta":".","logprobs":[]}

event: response.output_text.done
data: {"type":"response.output_text.done","sequence_number":12,"item_id":"msg_000000000000000000000000_X","output_index":1,"content_index":0,"text":"The \"sea\".","logprobs":[]}

event: response.content_part.done
data: {"type":"response.content_part.done","sequence_number":13,"item_id":"msg_000000000000000000000000_X","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"The \"sea\"."}}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":14,"output_index":1,"item":{"id":"msg_000000000000000000000000_X","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"The \"sea\"."}]}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":15,"output_index":2,"item":{"id":"fc_000000000000000000000000_X","type":"function_call","status":"in_progress","call_id":"call_X","name":"look","arguments":""}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":16,"item_id":"fc_000000000000000000000000_X","output_index":2,"delta":"{\"at\":"}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":17,"item_id":"fc_000000000000000000000000_X","output_index":2,"delta":"\"sky\"}"}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","sequence_number":18,"item_id":"fc_000000000000000000000000_X","output_index":2,"name":"look","arguments":"{\"at\":\"sky\"}"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":19,"output_index":2,"item":{"id":"fc_000000000000000000000000_X","type":"function_call","status":"completed","call_id":"call_X","name":"look","arguments":"{\"at\":\"sky\"}"}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":20,"output_index":3,"item":{"id":"fc_000000000000000000000000_X","type":"function_call","status":"in_progress","call_id":"call_X","name":"count","arguments":""}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":21,"item_id":"fc_000000000000000000000000_X","output_index":3,"delta":"{}"}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","sequence_number":22,"item_id":"fc_000000000000000000000000_X","output_index":3,"name":"count","arguments":"{}"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":23,"output_index":3,"item":{"id":"fc_000000000000000000000000_X","type":"function_call","status":"completed","call_id":"call_X","name":"count","arguments":"{}"}}

event: response.completed
data: {"type":"response.completed","sequence_number":24,"response":{"id":"resp_0","object":"response","status":"completed","completed_at":1X,"error":null,"incomplete_details":null,"output":[{"id":"rs_000000000000000000000000_X","type":"reasoning","status":"completed","summary":[],"content":[{"type":"reasoning_text","text":"Let me"}]},{"id":"msg_000000000000000000000000_X","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"The \"sea\"."}]},{"id":"fc_000000000000000000000000_X","type":"function_call","status":"completed","call_id":"call_X","name":"look","arguments":"{\"at\":\"sky\"}"},{"id":"fc_000000000000000000000000_X","type":"function_call","status":"completed","call_id":"call_X","name":"count","arguments":"{}"}],"usage":{"input_tokens":120,"input_tokens_details":{"cached_tokens":112,"cache_write_tokens":0},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":129}}}

)");
}

TEST(ResponseWords, AnAnswerThatIsCutSaysSoInItsLastItem) {
  const auto words = api::openai::response_words(facts(true));
  std::string out;
  say(*words, said_text("", "a"), out);
  say(*words, {0, {}, {}, {}, {}, Finish::length, {}}, out);
  words->end(used, out);
  EXPECT_NE(out.find("event: response.incomplete\n"), out.npos) << out;
  EXPECT_NE(out.find(R"("incomplete_details":{"reason":"max_output_tokens"})"), out.npos) << out;
  EXPECT_NE(out.find(R"("type":"message","status":"incomplete")"), out.npos) << out;
  EXPECT_EQ(out.find("response.completed"), out.npos) << out;
}

TEST(ResponseWords, ATroubleIsAnEventWithWhatThereIs) {
  const auto words = api::openai::response_words(facts(true));
  std::string out;
  say(*words, said_text("", "a"), out);
  words->fail(http::Failure(503, "it is gone"), out);
  const size_t at = out.find("event: response.failed\ndata: ");
  ASSERT_NE(at, out.npos) << out;
  const auto event = boost::json::parse(out.substr(out.find('{', at))).as_object();
  EXPECT_EQ(event.at("response").at("status"), "failed");
  EXPECT_EQ(event.at("response").at("error").at("message"), "it is gone");
  EXPECT_EQ(event.at("response").at("output").at(0).at("content").at(0).at("text"), "a");
}

TEST(ResponseWords, OneInOnePieceHasTheSameItems) {
  const auto answer = [](std::string_view thought, std::string_view text, std::vector<ToolCall> calls, Finish finish) {
    const auto words = api::openai::response_words(facts(false));
    std::string out;
    words->begin_whole(out);
    words->begin_choice(0, {}, out);
    words->end_choice(0, {.finish = finish, .calls = calls, .scores = {}, .text = text, .thought = thought}, out);
    words->end_whole(used, out);
    return boost::json::parse(out).as_object();
  };
  const auto both = answer("Hm", "Yes", {{"look", ""}}, Finish::called);
  ASSERT_EQ(both.at("output").as_array().size(), 3u);
  EXPECT_EQ(both.at("output").at(0).at("content").at(0).at("text"), "Hm");
  EXPECT_EQ(both.at("output").at(1).at("content").at(0).at("text"), "Yes");
  EXPECT_EQ(both.at("output").at(2).at("arguments"), "{}");
  EXPECT_EQ(both.at("status"), "completed");
  EXPECT_EQ(both.at("usage").at("total_tokens"), 129);
  const auto silent = answer("", "", {}, Finish::stop);
  ASSERT_EQ(silent.at("output").as_array().size(), 1u) << "clients look for a message";
  EXPECT_EQ(silent.at("output").at(0).at("type"), "message");
  const auto cut = answer("Hm", "", {}, Finish::length);
  ASSERT_EQ(cut.at("output").as_array().size(), 1u);
  EXPECT_EQ(cut.at("output").at(0).at("status"), "incomplete");
  EXPECT_EQ(held, 0u) << "what answers hold is given back";
}

}  // namespace
}  // namespace fulmar::test
