// What null, empty, -1, integral floats and huge numbers mean in every field of every endpoint: one row a
// field.
#include <fmt/format.h>

#include <map>
#include <set>

#include "answer/common_fields.h"
#include "answer/forms.h"
#include "answer/tools.h"
#include "api/openai/openai.h"
#include "server/harness.h"

namespace fulmar::test {
namespace {

const std::string kLong = '"' + std::string(2000, 'x') + '"';

// The columns of the table below.
const std::vector<std::string> kValues = {
    "null", R"("")", "[]", "{}", "false", "true", "-1", "0", "1", "1.0", "1.5", "1e300", "1e400", "9007199254740992",
    "9223372036854775808", kLong, R"("1")", "[1]", R"(["a"])", R"({"a":1})"};

// What becomes of each value: '.' as if the field were absent, 'v' taken as a value, 'x' refused with 400,
// 'u' refused as unsupported. Columns: four for nothing, two booleans, four small integers, 1.5, four huge
// numbers, two texts, two lists, a map.
struct Row {
  const char* field;  // "a.b": inside a map, "m.b": of the last message, "part.b", "call.b", "function.b": within that
  const char* outcomes;
};

const std::string kBoolean = ".xxx vv xxxx x xxxx xx xx x";
const std::string kUnitNumber = ".xxx xx xvvv x xxxx xx xx x";
const std::string kSignedNumber = ".xxx xx vvvv v xxxx xx xx x";
const std::string kMap = ".... xx xxxx x xxxx xx xx v";
const std::string kNothingOnly = ".... uu uuuu u uuuu uu uu u";
const std::string kFalseOnly = ".... .u uuuu u uuuu uu uu u";
const std::string kZeroOnly = ".... uu u.uu u uuuu uu uu u";
const std::string kCount = ".xxx .x xvvv x xxxx xx xx x";  // and false for none
const std::string kNoWord = "..xx xx xxxx x xxxx xx xx x";  // a text, but none of these

const std::map<std::string, std::string>& both() {
  static const std::map<std::string, std::string> rows = {
      {"model", "..xx xx xxxx x xxxx .. xx x"},
      {"stream", kBoolean},
      {"stream_options", ".... xx xxxx x xxxx xx xx ."},
      {"stream_options.include_usage", ".xxx .. xxxx x xxxx xx xx x"},  // nothing without a stream
      {"n", ".xxx xx xx.. x xxxx xx xx x"},
      {"stop", ".... xx xxxx x xxxx xv xv x"},
      {"stop_token_ids", ".... xx xxxx x xxxx xx vx x"},
      {"include_stop_str_in_output", ".xxx .v xxxx x xxxx xx xx x"},
      {"ignore_eos", ".xxx .v xxxx x xxxx xx xx x"},
      {"temperature", ".xxx xx xv.. v xxxx xx xx x"},
      {"top_p", ".xxx xx xv.. x xxxx xx xx x"},
      {"top_k", ".xxx xx ..vv x vvvv xx xx x"},
      {"min_p", ".xxx xx x.vv x xxxx xx xx x"},
      {"presence_penalty", ".xxx xx v.vv v xxxx xx xx x"},
      {"frequency_penalty", ".xxx xx v.vv v xxxx xx xx x"},
      {"penalty_decay", ".xxx xx xv.. x xxxx xx xx x"},
      {"penalty_rule", "..xx xx xxxx x xxxx xx xx x"},
      {"repetition_penalty", ".xxx xx x... v xxxx xx xx x"},
      {"repeat_penalty", ".xxx xx x... v xxxx xx xx x"},
      {"repeat_last_n", ".xxx xx .... x .... xx xx x"},  // nothing without a penalty
      {"logit_bias", ".... xx xxxx x xxxx xx xx x"},
      {"seed", ".xxx xx .vvv x xxvx xx xx x"},
      {"session_id", "..xx xx xxxx x xxxx xv xx x"},
      {"use_prefix_cache", ".xxx v. xxxx x xxxx xx xx x"},
      {"cache_prompt", ".xxx v. xxxx x xxxx xx xx x"},
      {"max_tokens", ".xxx xx vvvv x vvvv xx xx x"},
      {"max_completion_tokens", ".xxx xx vvvv x vvvv xx xx x"},
      {"response_format", ".... xx xxxx x xxxx xx xx x"},
      {"response_format.type", "xxxx xx xxxx x xxxx xx xx x"},
      {"response_format.json_schema", "xxxx xx xxxx x xxxx xx xx x"},
      {"response_format.schema", ".... xx xxxx x xxxx xx xx v"},
      {"modalities", kNothingOnly},
      {"audio", kNothingOnly},
      {"web_search_options", ".uuu uu uuuu u uuuu uu uu u"},
      {"grammar", "..xx xx xxxx x xxxx vv xx x"},
      {"json_schema", ".... xx xxxx x xxxx xx xx v"},
      {"structured_outputs", ".... xx xxxx x xxxx xx xx x"},
      {"structured_outputs.json", ".... xx xxxx x xxxx vv xx v"},
      {"structured_outputs.regex", "..xx xx xxxx x xxxx vv xx x"},
      {"structured_outputs.choice", ".... xx xxxx x xxxx xx xv x"},
      {"structured_outputs.grammar", "..xx xx xxxx x xxxx vv xx x"},
      {"structured_outputs.json_object", kBoolean},
      {"guided_json", ".... xx xxxx x xxxx vv xx v"},
      {"guided_regex", "..xx xx xxxx x xxxx vv xx x"},
      {"guided_choice", ".... xx xxxx x xxxx xx xv x"},
      {"guided_grammar", "..xx xx xxxx x xxxx vv xx x"},
      {"guided_decoding_backend", "..xx xx xxxx x xxxx x. xx x"},
      {"guided_of_tomorrow", kNothingOnly},
      {"allowed_token_ids", kNothingOnly},
      {"bad_words", kNothingOnly},
      {"min_tokens", kZeroOnly},
      {"use_beam_search", kFalseOnly},
      {"global_penalty", kFalseOnly},
      {"chat_template", kNothingOnly},
      {"a_field_that_nobody_knows", ".... .. .... . .... .. .. ."},
      {"metadata", ".... xx xxxx x xxxx xx xx x"},
      {"store", ".xxx .. xxxx x xxxx xx xx x"},
  };
  return rows;
}

const std::map<std::string, std::string>& completion() {
  static const std::map<std::string, std::string> rows = {
      {"prompt", "xvxx xx xxxx x xxxx vv vv x"},
      {"tools", kNothingOnly},
      {"tool_choice", kNothingOnly},
      {"functions", kNothingOnly},
      {"function_call", kNothingOnly},
      {"echo", ".xxx .v xxxx x xxxx xx xx x"},
      {"best_of", ".xxx xx xx.. x xxxx xx xx x"},
      {"logprobs", kCount},
      {"top_logprobs", kZeroOnly},
      {"prompt_logprobs", kCount},
      {"suffix", "..xx xx xxxx x xxxx vv xx x"},
  };
  return rows;
}

const std::map<std::string, std::string>& chat() {
  static const std::map<std::string, std::string> rows = {
      {"messages", "xxxx xx xxxx x xxxx xx xx x"},
      {"params", kMap},
      {"logprobs", ".xxx .v x.xx x xxxx xx xx x"},
      {"top_logprobs", ".xxx xx x.xx x xxxx xx xx x"},  // nothing without logprobs
      {"prompt_logprobs", kCount},
      {"suffix", kNothingOnly},
      {"mrss_gatingweight", ".... xx xxxx x xxxx xx vx x"},
      {"m.role", "xxxx xx xxxx x xxxx xx xx x"},
      {"m.content", "xvxx xx xxxx x xxxx vv xx x"},
      {"m.tool_calls", ".... xx xxxx x xxxx xx xx x"},
      {"m.function_call", ".... xx xxxx x xxxx xx xx x"},
      {"tools", ".... xx xxxx x xxxx xx xx x"},
      {"tool_choice", ".... xx xxxx x xxxx xx xx x"},
      {"parallel_tool_calls", ".xxx v. xxxx x xxxx xx xx x"},
      {"functions", ".... xx xxxx x xxxx xx xx x"},
      {"function_call", ".... xx xxxx x xxxx xx xx x"},
      {"tool.type", "..xx xx xxxx x xxxx uu xx x"},
      {"tool.function", "xxxx xx xxxx x xxxx xx xx x"},
      {"toolfunction.name", "xxxx xx xxxx x xxxx xv xx x"},
      {"toolfunction.description", "..xx xx xxxx x xxxx vv xx x"},
      {"toolfunction.parameters", ".... xx xxxx x xxxx xx xx v"},
      {"toolfunction.strict", ".xxx .v xxxx x xxxx xx xx x"},
      {"part.type", "xxxx xx xxxx x xxxx xx xx x"},
      {"part.text", "xvxx xx xxxx x xxxx vv xx x"},
      {"call.id", "..xx xx xxxx x xxxx x. xx x"},
      {"call.function", "xxxx xx xxxx x xxxx xx xx x"},
      {"function.name", "xxxx xx xxxx x xxxx vv xx x"},
      {"function.arguments", ".... xx xxxx x xxxx xx xx v"},
      {"m.name", ".... .. .... . .... .. .. ."},
      {"m.tool_call_id", "..xx xx xxxx x xxxx x. xx x"},
      {"m.unknown", ".... .. .... . .... .. .. ."},
      {"reasoning_effort", "..xx xx xxxx x xxxx xv xx x"},
      {"enable_think", kBoolean},
      {"think_type", kNoWord},
      {"reasoning_format", kNoWord},
      {"thinking_budget", ".xxx xx vvvv x vvvv xx xx x"},
      {"enable_thinking", ".xxx vv xxxx x xxxx xx xx x"},
      {"continue_final_message", kBoolean},
      {"add_generation_prompt", ".xxx u. xxxx x xxxx xx xx x"},
      {"user_name", "..xx xx xxxx x xxxx xv xx x"},
      {"assistant_name", "..xx xx xxxx x xxxx xv xx x"},
      {"system_name", "..xx xx xxxx x xxxx xv xx x"},
      {"presystem", ".xxx .v xxxx x xxxx xx xx x"},
      {"chat_template_kwargs", ".... xx xxxx x xxxx xx xx u"},
      {"chat_template_kwargs.enable_thinking", kBoolean},
      {"chat_template_kwargs.rwkv_prompt_template", kNoWord},
      {"chat_template_kwargs.rwkv_generation_prompt", kNoWord},
      {"echo", kFalseOnly},
  };
  return rows;
}

// `value` empty: without the field.
std::string body_of(bool is_chat, const std::string& field, const std::string& value) {
  std::map<std::string, std::string> members;
  if (is_chat)
    members["stop"] = R"(["0","1","2","3","4","5","6","7","8","9"])";  // ends it with the first word
  std::map<std::string, std::string> message = {{"role", R"("user")"}, {"content", R"("say hi")"}};
  std::map<std::string, std::string> inner;  // of a part, a call or a function
  const size_t dot = field.find('.');
  const std::string outer = dot == field.npos ? "" : field.substr(0, dot);
  if (outer == "part") inner = {{"type", R"("text")"}, {"text", R"("say hi")"}};
  if (outer == "function") inner = {{"name", R"("f")"}};
  if (outer == "call" || outer == "tool") inner = {{"function", R"({"name":"f"})"}};
  if (outer == "toolfunction") inner = {{"name", R"("f")"}};
  if (outer == "function" || outer == "call" || field == "m.tool_calls" || field == "m.function_call") message["role"] = R"("assistant")";
  const bool within = outer == "part" || outer == "call" || outer == "function" || outer == "tool" || outer == "toolfunction";
  if (value.empty())
    members.erase(field), inner.erase(dot == field.npos ? field : field.substr(dot + 1));
  else if (within)
    inner[field.substr(dot + 1)] = value;
  else if (dot == field.npos)
    members[field] = value;
  else if (field.starts_with("m."))
    message[field.substr(dot + 1)] = value;
  else
    members[outer] = fmt::format(R"({{{}"{}":{}}})",
                                 field == "response_format.json_schema" ? R"("type":"json_schema",)"
                                 : field == "response_format.schema"    ? R"("type":"json_object",)"
                                                                        : "",
                                 field.substr(dot + 1), value);
  const auto written = [](const auto& map) {
    std::string out;
    for (const auto& [key, text] : map) out += fmt::format(R"({}"{}":{})", out.empty() ? "" : ",", key, text);
    return '{' + out + '}';
  };
  if (outer == "part") message["content"] = '[' + written(inner) + ']';
  if (outer == "call") message["tool_calls"] = '[' + written(inner) + ']';
  if (outer == "function") message["tool_calls"] = R"([{"function":)" + written(inner) + "}]";
  if (outer == "tool") members["tools"] = '[' + written(inner) + ']';
  if (outer == "toolfunction") members["tools"] = R"([{"type":"function","function":)" + written(inner) + "}]";
  if (is_chat) members.emplace("messages", '[' + written(message) + ']');
  if (!is_chat) members.emplace("prompt", R"("say hi")");
  return written(members);
}

// All that a request asked of the engine.
std::string asked(const FakeEngine& engine) {
  const Request request = engine.last_request();
  const PromptInput input = engine.last_input();
  const Sampling& s = request.sampling;
  std::string out = fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}", input.text,
                                fmt::join(input.tokens, ","), request.max_tokens, s.temperature, s.top_k,
                                s.top_p, s.min_p, s.presence_penalty, s.frequency_penalty, s.penalty_decay,
                                s.seed ? std::to_string(*s.seed) : "random", request.ignore_eos);
  out += fmt::format(" {} {} {}", static_cast<int>(s.rule), s.repetition_penalty, s.repetition_window);
  for (const auto& [token, bias] : s.logit_bias) out += fmt::format(" {}:{}", token, bias);
  out += fmt::format(" {} {}", request.use_prefix_cache, request.streams.empty() ? "" : request.streams[0].keep);
  out += fmt::format(" {} {}", request.report.logprobs ? *request.report.logprobs : -1,
                     request.report.prompt_logprobs ? *request.report.prompt_logprobs : -1);
  const TemplateOptions& chat = input.chat;
  out += fmt::format(" {} {} {} {} {} {} {} {}", fmt::join(request.stop, "|"),
                     fmt::join(request.stop_tokens, ","), static_cast<int>(chat.think), chat.user_name,
                     chat.assistant_name, chat.system_name, chat.presystem,
                     chat.continue_final_message ? *chat.continue_final_message ? "on" : "anew" : "");
  out += fmt::format(" {} {} {} {}", chat.name, static_cast<int>(chat.word), chat.thoughts_in_text,
                     chat.thinking_budget ? std::to_string(*chat.thinking_budget) : "none");
  out += fmt::format(" {} {} {}", chat.must_call, chat.called_tool, chat.parallel_calls);
  for (const Tool& tool : chat.tools) out += fmt::format(" {} {} {} {}", tool.name, tool.description, tool.parameters, tool.strict);
  for (const ChatMessage& message : input.messages)
    out += ' ' + message.role + ':' + message.content + std::to_string(message.tool_calls.size());
  return out;
}

void hold(Harness& harness, Client& client, bool is_chat, const std::string& field, std::string outcomes) {
  std::erase(outcomes, ' ');
  ASSERT_EQ(outcomes.size(), kValues.size()) << field;
  const std::string path = is_chat ? "/v1/chat/completions" : "/v1/completions";
  client.post(path, body_of(is_chat, field == "prompt" || field == "messages" ? "" : field, ""));
  const std::string without = asked(harness.engine);
  for (size_t i = 0; i < kValues.size(); ++i) {
    const std::string body = body_of(is_chat, field, kValues[i]);
    const Answer answer = client.post(path, body);
    const std::string what = fmt::format("{} {}\n{}", path, body.substr(0, 200), answer.body.substr(0, 300));
    const bool taken = outcomes[i] == '.' || outcomes[i] == 'v';
    EXPECT_EQ(answer.status, taken ? 200 : 400) << what;
    if (answer.status == 200) {
      if (outcomes[i] == '.') {
        EXPECT_EQ(asked(harness.engine), without) << what;
      }
      continue;
    }
    const json::object error = error_of(answer);
    EXPECT_EQ(error.at("code"), outcomes[i] == 'u' ? json::value("unsupported") : json::value(nullptr))
        << what;
    const std::string named(error.at("param").is_string() ? error.at("param").get_string() : "");
    const std::string inside = field.substr(field.find('.') + 1);
    const std::string wanted = field.starts_with("m.")      ? "messages[0]." + inside
                               : field.starts_with("part.") ? "messages[0].content"
                               : field.starts_with("tool.")         ? "tools[0]." + inside
                               : field.starts_with("toolfunction.") ? "tools[0].function." + inside
                               : field.starts_with("call.") || field.starts_with("function.")
                                   ? "messages[0].tool_calls"
                                   : field;
    EXPECT_TRUE(named == wanted || named.starts_with(wanted + "[") || named.starts_with(wanted + ".")) << what;
    EXPECT_TRUE(std::string_view(error.at("message").as_string()).starts_with(wanted)) << what;
  }
}

TEST(FieldValues, MeanTheSameInEveryFieldOfCompletions) {
  Harness harness;
  Client client = harness.client();
  for (const auto* rows : {&both(), &completion()})
    for (const auto& [field, outcomes] : *rows) hold(harness, client, false, field, outcomes);
}

TEST(FieldValues, MeanTheSameInEveryFieldOfAChat) {
  Harness harness;
  Client client = harness.client();
  for (const auto* rows : {&both(), &chat()})
    for (const auto& [field, outcomes] : *rows) hold(harness, client, true, field, outcomes);
}

// A field that is added to the server's tables must be added to this one.
TEST(FieldValues, NoFieldIsLeftOut) {
  const auto held = [](const api::FieldTable& table, const auto& rows, const std::string& prefix = {}) {
    for (const api::Field& field : table.fields)
      EXPECT_TRUE(rows.contains(prefix + std::string(field.name)) ||
                  both().contains(prefix + std::string(field.name)))
          << field.name;
    for (const api::Refused& refused : table.refused)
      if (!refused.name.ends_with('*')) {
        EXPECT_TRUE(rows.contains(std::string(refused.name)) || completion().contains(std::string(refused.name))) << refused.name;
      }
  };
  held(api::common_fields, both());
  held(api::stream_option_fields, both(), "stream_options.");
  held(api::form_fields, both());
  held(api::response_format_fields, both(), "response_format.");
  held(api::structured_output_fields, both(), "structured_outputs.");
  held(api::openai::completion_fields, completion());
  held(api::openai::chat_fields, chat());
  held(api::openai::template_option_fields, chat(), "chat_template_kwargs.");
  held(api::openai::message_fields, chat(), "m.");
  held(api::openai::part_fields, chat(), "part.");
  held(api::openai::call_fields, chat(), "call.");
  held(api::openai::function_fields, chat(), "function.");
  held(api::tool_use_fields, chat());
  held(api::tool_fields, chat(), "tool.");
  held(api::tool_function_fields, chat(), "toolfunction.");
}

// What the tables say an absent field is, said outright, asks the engine for the same.
TEST(FieldValues, DefaultsAreWhatTheTablesSay) {
  Harness harness;
  Client client = harness.client();
  for (const bool is_chat : {false, true}) {
    const std::string path = is_chat ? "/v1/chat/completions" : "/v1/completions";
    const api::FieldTable& own = is_chat ? api::openai::chat_fields : api::openai::completion_fields;
    ASSERT_EQ(client.post(path, body_of(is_chat, "unknown", "1")).status, 200);
    const std::string without = asked(harness.engine);
    int compared = 0;
    for (const api::FieldTable* table = &own; table; table = table->base)
      for (const api::Field& field : table->fields) {
        const std::string value(field.absent);
        if (value != "true" && value != "false" &&
            (value.empty() || value.find_first_not_of("0123456789.") != value.npos))
          continue;
        ASSERT_EQ(client.post(path, body_of(is_chat, std::string(field.name), value)).status, 200)
            << field.name;
        EXPECT_EQ(asked(harness.engine), without) << field.name;
        ++compared;
      }
    EXPECT_GE(compared, 10);
  }
}

TEST(FieldValues, LimitsAreClampedAndMinusOneIsNone) {
  Harness harness;
  Client client = harness.client();
  const auto request = [&](const std::string& member) {
    const Answer answer = client.post("/v1/completions", R"({"prompt":"say hi",)" + member + "}");
    EXPECT_EQ(answer.status, 200) << member << answer.body;
    return harness.engine.last_request();
  };
  for (const char* field : {"max_tokens", "max_completion_tokens"}) {
    for (const char* huge :
         {"-1", "-1.0", "1000001", "100000000", "4294967296", "18446744073709551615", "1e300", "1e400"})
      EXPECT_EQ(request(fmt::format(R"("{}":{})", field, huge)).max_tokens, 1'000'000u) << field << huge;
    EXPECT_EQ(request(fmt::format(R"("{}":5.0)", field)).max_tokens, 5u);
    EXPECT_EQ(request(fmt::format(R"("{}":3e2)", field)).max_tokens, 300u);
  }
  EXPECT_EQ(request(R"("max_tokens":3,"max_completion_tokens":null)").max_tokens, 3u);
  EXPECT_EQ(request(R"("top_k":4294967296)").sampling.top_k, 2147483647);
  EXPECT_EQ(request(R"("top_k":-1)").sampling.top_k, 0);
  EXPECT_EQ(request(R"("seed":-1)").sampling.seed, std::nullopt);
  EXPECT_EQ(request(R"("seed":9223372036854775807)").sampling.seed, uint64_t{9223372036854775807u});
  EXPECT_EQ(request(R"("seed":-9223372036854775808)").sampling.seed, uint64_t{1} << 63);
  EXPECT_EQ(client.post("/v1/completions", R"({"prompt":"say hi","seed":-9223372036854775809})").status, 400);
  EXPECT_EQ(request(R"("stop":[null,"","x"])").stop, std::vector<std::string>{"x"});
  EXPECT_TRUE(request(R"("logit_bias":{"5":0,"6":null,"7":0.0})").sampling.logit_bias.empty());
  EXPECT_EQ(request(R"("stop_token_ids":[5.0])").stop_tokens, std::vector<Token>{5});
}

// OpenAI's clients send these with their defaults; none of them may cost the answer.
TEST(FieldValues, WhatAsksForNothingIsTaken) {
  Harness harness;
  Client client = harness.client();
  for (
      const char* member :
      {R"("response_format":{"type":"text"})", R"("modalities":["text"])", R"("tool_choice":"auto")",
       R"("tool_choice":"none")", R"("function_call":"none")", R"("function_call":"auto","functions":[])",
       R"("stream_options":{"include_usage":true})", R"("logprobs":0,"top_logprobs":0.0)",
       R"("repetition_penalty":1.0)", R"("user":"me","safety_identifier":"a")",
       R"("service_tier":"auto","store":true,"metadata":{"a":"b"},"parallel_tool_calls":true,"verbosity":"low")",
       R"("prediction":{"type":"content","content":"a"},"prompt_cache_key":"k")",
       R"("chat_template_kwargs":{"a":null})"})
    for (const bool is_chat : {false, true}) {
      const std::string body = std::string(is_chat ? R"({"messages":[{"role":"user","content":"say hi"}],)"
                                                   : R"({"prompt":"say hi",)");
      const Answer answer =
          client.post(is_chat ? "/v1/chat/completions" : "/v1/completions", body + member + "}");
      EXPECT_EQ(answer.status, 200) << member << answer.body;
    }
}

TEST(FieldValues, PenaltiesFollowTheRuleThatTheirFieldsBelongTo) {
  Harness harness;
  Client client = harness.client();
  const auto sampling = [&](const std::string& members) {
    const Answer answer = client.post("/v1/completions", R"({"prompt":"say hi")" + members + "}");
    EXPECT_EQ(answer.status, 200) << members << answer.body;
    return harness.engine.last_request().sampling;
  };
  EXPECT_EQ(sampling("").rule, PenaltyRule::openai);
  EXPECT_EQ(sampling(R"(,"presence_penalty":1,"penalty_decay":1)").rule, PenaltyRule::openai);
  EXPECT_EQ(sampling(R"(,"penalty_decay":0.996)").rule, PenaltyRule::pipeline);
  for (const auto& [word, rule] : penalty_rules)
    EXPECT_EQ(sampling(fmt::format(R"(,"penalty_decay":0.5,"penalty_rule":"{}")", word)).rule, rule);
  EXPECT_EQ(error_of(client.post("/v1/completions", R"({"prompt":"a","penalty_rule":"mine"})"))["param"], "penalty_rule");

  struct Case {
    const char* members;
    float penalty;
    int32_t window;
  };
  for (const Case& one : {Case{R"(,"repetition_penalty":1.5)", 1.5f, -1}, Case{R"(,"repeat_penalty":1.25)", 1.25f, 64},
                          Case{R"(,"repeat_penalty":1.25,"repeat_last_n":-1)", 1.25f, -1},
                          Case{R"(,"repeat_penalty":1.25,"repeat_last_n":7)", 1.25f, 7},
                          Case{R"(,"repeat_penalty":1.25,"repetition_penalty":1.5)", 1.5f, -1},
                          Case{R"(,"repetition_penalty":1.5,"repeat_last_n":7)", 1.5f, 7},
                          Case{R"(,"repetition_penalty":0,"repeat_last_n":7)", 1, -1}}) {
    const Sampling got = sampling(one.members);
    EXPECT_EQ(got.repetition_penalty, one.penalty) << one.members;
    EXPECT_EQ(got.repetition_window, one.window) << one.members;
  }
}

TEST(FieldValues, NoTokensAskedForAreNoTokensAnswered) {
  Harness harness;
  Client client = harness.client();
  const json::value answer =
      json::parse(client.post("/v1/completions", R"({"prompt":["ab","c"],"max_tokens":0,"echo":true})").body);
  EXPECT_EQ(answer.at("choices").at(0).at("text"), "ab");
  EXPECT_EQ(answer.at("choices").at(1).at("text"), "c");
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "length");
  EXPECT_EQ(answer.at("usage"), json::parse(R"({"prompt_tokens":3,"completion_tokens":0,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0}})"));
  const Answer stream = client.post(
      "/v1/chat/completions", R"({"messages":[{"role":"user","content":"a"}],"max_tokens":0,"stream":true})");
  ASSERT_EQ(stream.events().size(), 3u) << stream.body;  // the role, the reason, the end
  EXPECT_EQ(json::parse(stream.events()[1]).at("choices").at(0).at("finish_reason"), "length");
}

// Every list has a bound, and what is at the bound is taken.
TEST(FieldValues, BoundsOfListsAreKept) {
  Harness harness;
  Client client = harness.client();
  const auto list = [](size_t count, const std::string& entry) {
    std::string out = "[" + entry;
    for (size_t i = 1; i < count; ++i) out += "," + entry;
    return out + "]";
  };
  const auto biases = [](int count) {
    std::string out = "{\"0\":1";
    for (int i = 1; i < count; ++i) out += fmt::format(",\"{}\":1", i);
    return out + "}";
  };
  const auto check = [&](bool is_chat, const std::string& field, const std::string& value, bool taken) {
    const Answer answer =
        client.post(is_chat ? "/v1/chat/completions" : "/v1/completions", body_of(is_chat, field, value));
    EXPECT_EQ(answer.status, taken ? 200 : 400) << field << " " << taken << answer.body;
    if (!taken) {
      EXPECT_EQ(error_of(answer)["param"], json::value(field == "m.content" ? "messages[0].content" : field));
    }
  };
  for (const bool is_chat : {false, true}) {
    check(is_chat, "stop", list(16, R"("a")"), true);
    check(is_chat, "stop", list(17, R"("a")"), false);
    check(is_chat, "stop", '"' + std::string(1024, 'x') + '"', true);
    check(is_chat, "stop", '"' + std::string(1025, 'x') + '"', false);
    check(is_chat, "stop_token_ids", list(256, "1"), true);
    check(is_chat, "stop_token_ids", list(257, "1"), false);
    check(is_chat, "logit_bias", biases(4096), true);
    check(is_chat, "logit_bias", biases(4097), false);
  }
  check(false, "prompt", list(1024, R"("say a")"), true);
  check(false, "prompt", list(1025, R"("say a")"), false);
  check(false, "prompt", list(2000, "97"), true);  // tokens of one prompt
  check(true, "m.content", list(1024, R"({"type":"text","text":"a"})"), true);
  check(true, "m.content", list(1025, R"({"type":"text","text":"a"})"), false);
  check(true, "messages", list(16384, R"({"role":"user","content":""})"), true);
  check(true, "messages", list(16385, R"({"role":"user","content":""})"), false);
}

}  // namespace
}  // namespace fulmar::test
