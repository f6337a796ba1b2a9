// States that leave as files and come back, and files that are no states.
#include <bit>

#include "fulmar/state_file.h"
#include "api/states/service.h"

namespace fulmar::test {
namespace {

using testing::HasSubstr;

std::string file_of(const StateService& service, const std::string& id) {
  const Answer answer = service.get("/state/export/" + id);
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.headers.at("content-type"), "application/octet-stream");
  return answer.body;
}

std::string written(const State& state, StatePrecision precision = StatePrecision::f32, std::string_view session = "s") {
  const std::vector<std::byte> bytes = write_state(state, precision, session);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ReadState read(const std::string& file) {
  return read_state(std::as_bytes(std::span(file)), "file");
}

StatePtr state_of(const StateService& service) {
  service.turn("one", "s", "s");
  return service.engine->sessions().find("s").state;
}

TEST(StateFiles, OneGoesOnInAnotherServer) {
  const StateService here, there;
  here.turn("one", "s", "s");
  const Answer answer = there.post("/state/import", file_of(here, "s"));
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(object_of(answer), json::object({{"session_id", "s"}, {"tokens", 8}}));
  EXPECT_EQ(there.turn("two", "s", "s"), here.turn("two", "s", "s"));
}

TEST(StateFiles, OneHasAllItsTokensFed) {
  const StateService service;
  ASSERT_FALSE(state_of(service)->unfed.empty());
  const std::string file = file_of(service, "s");
  const ReadState found = read(file);
  EXPECT_TRUE(found.state->unfed.empty());
  EXPECT_EQ(found.state->fed, 8u);
  EXPECT_EQ(found.session, "s");
  EXPECT_EQ(file_of(service, "s"), file) << "and again, with nothing left to feed";
  service.post("/state/import?session_id=closed", file);
  EXPECT_EQ(read(file_of(service, "closed")).state->hash, found.state->hash);
}

TEST(StateFiles, OneIsTheStateOfTheLastTurnThatEnded) {
  Gate gate;
  FakeOptions model;
  model.before_step = [&gate](uint64_t step) {
    if (step == 8) gate.wait();
  };
  const StateService service(model);
  service.turn("one", "s", "s");
  const auto second = listen_to(*service.engine, StateService::question("two", "s", "s", 20));
  gate.wait_for_visitor();
  Client client = service.client();
  client.send("GET", "/state/export/s");
  EXPECT_TRUE(eventually([&] { return service.engine->stats().queued == 1; }));
  gate.open();
  const std::string file = client.receive().body;
  EXPECT_EQ(read(file).state->fed, 8u);
  EXPECT_EQ(second->wait(), Finish::length);
}

TEST(StateFiles, TheQueryNamesTheSessionAndWhetherItIsReplaced) {
  const StateService service;
  service.turn("one", "s", "s");
  const std::string file = file_of(service, "s");
  EXPECT_THAT(complaint(service.post("/state/import", file), 400, "session_id"), HasSubstr("?replace=true"));
  ASSERT_EQ(service.post("/state/import?session_id=caf%C3%A9+au+lait", file).status, 200);
  EXPECT_TRUE(service.engine->sessions().entry("café au lait"));
  service.turn("two", "s", "s");
  ASSERT_EQ(service.post("/state/import?replace=true", file).status, 200);
  EXPECT_EQ(service.engine->sessions().entry("s")->tokens, 8u);
  EXPECT_EQ(service.turn("x", "s", "s"), service.turn("x", "café au lait", ""));
  complaint(service.post("/state/import?session_id=", file), 400, "session_id");
  complaint(service.post("/state/import?session_id=%00", file), 400, "session_id");
  complaint(service.post("/state/import?replace=maybe", file), 400, "replace");
  const State nameless = *read(file).state;
  EXPECT_THAT(complaint(service.post("/state/import", written(nameless, StatePrecision::f32, "")), 400, "session_id"),
              HasSubstr("?session_id="));
}

TEST(StateFiles, OneMayComeInChunks) {
  const StateService service;
  service.turn("one", "s", "s");
  const std::string file = file_of(service, "s");
  Client client = service.client();
  std::string request = "POST /state/import?session_id=chunked HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (size_t at = 0; at < file.size(); at += 100)
    request += http::chunk_of(std::string_view(file).substr(at, 100));
  client.send(request + http::chunk_of({}));
  EXPECT_EQ(object_of(client.receive())["session_id"], "chunked");
}

TEST(StateFiles, WhatCanBeNoneByItsLengthIsNotReadToItsEnd) {
  const StateService service;
  Client client = service.client();
  client.send("POST /state/import HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n");
  EXPECT_THAT(complaint(client.receive(), 413), HasSubstr("4194304 bytes"));
  Client other = service.client();
  other.send("POST /state/import HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = http::chunk_of(std::string(1 << 20, 'x'));
  for (int i = 0; i < 5; ++i) other.send(chunk);
  complaint(other.receive(), 413);
}

TEST(StateFiles, BeforeTheModelIsThereTheBodyIsNotReadAtAll) {
  StateService service;
  service.serve_nothing();
  Client client = service.client();
  client.send("POST /state/import HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n");
  EXPECT_THAT(complaint(client.receive(), 503), HasSubstr("no model is loaded"));
}

TEST(StateFiles, WhatWasReadComesAsTokensOrText) {
  const StateService service;
  const std::string said = service.turn("Hi", "s", "s");
  const Answer words = service.get("/state/export/s?format=text");
  EXPECT_EQ(words.headers.at("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(words.body, "Hi" + said);
  json::array tokens;
  for (const char c : "Hi" + said) tokens.push_back(c);
  EXPECT_EQ(object_of(service.get("/state/export/s?format=tokens")),
            json::object({{"session_id", "s"}, {"unknown_tokens", 0}, {"tokens", tokens}}));
  service.post("/state/import?session_id=t", file_of(service, "s"));
  service.turn("?", "t", "t", 1);
  const json::object later = object_of(service.get("/state/export/t?format=tokens"));
  EXPECT_EQ(later.at("unknown_tokens"), 7);
  EXPECT_EQ(later.at("tokens").as_array().size(), 2u);
  complaint(service.get("/state/export/s?format=json"), 400, "format");
  complaint(service.get("/state/export/s?precision=int8"), 400, "precision");
  for (const char* query : {"", "?format=text", "?format=tokens"})
    complaint(service.get(std::string("/state/export/nobody") + query), 404);
}

TEST(StateFiles, HalfPrecisionIsHalfTheNumbers) {
  const StateService service;
  auto state = std::make_shared<State>(*state_of(service));
  std::ranges::fill(state->floats, 1.0f);
  state->unfed.clear();
  ASSERT_EQ(service.post("/state/import?session_id=even", written(*state)).status, 200);
  const Answer file = service.get("/state/export/even?precision=f16");
  const ReadState found = read(file.body);
  EXPECT_EQ(found.precision, StatePrecision::f16);
  EXPECT_EQ(found.state->floats, state->floats);
  state->floats[3] = 65535;  // which f16 rounds to infinity
  ASSERT_EQ(service.post("/state/import?session_id=large", written(*state)).status, 200);
  EXPECT_THAT(complaint(service.get("/state/export/large?precision=f16"), 400), HasSubstr("f32"));
}

TEST(StateFiles, WhatIsNoneIsRefusedAndNothingIsKept) {
  const StateService service, other([] {
    FakeOptions options;
    options.vocab = 120;
    return options;
  }());
  const StatePtr good = state_of(service);
  const std::string file = written(*good, StatePrecision::f32, "t");
  const auto made = [&good](const std::function<void(State&)>& change) {
    State state = *good;
    change(state);
    return written(state, StatePrecision::f32, "t");
  };
  const auto with = [&file](size_t at, char c) {
    std::string changed = file;
    changed[at] = c;
    return changed;
  };
  const auto replaced = [&file](std::string_view from, std::string_view to) {
    std::string changed = file;
    changed.replace(changed.find(from), from.size(), to);
    return changed;
  };
  // The numbers begin where the head ends, and the checksum is in the head.
  const size_t head = 8 + std::bit_cast<uint64_t>(*reinterpret_cast<const std::array<char, 8>*>(file.data()));
  std::string nan = file;
  nan.replace(head, 4, std::string("\0\0\xc0\x7f", 4));
  struct Case {
    const char* name;
    std::string body;
    const char* says;
  };
  const std::vector<Case> cases = {
      {"nothing", "", "no state"},
      {"a text", "not a state at all", "no state"},
      {"JSON", R"({"session_id": "t"})", "no state"},
      {"the head alone", file.substr(0, head), ""},
      {"cut short", file.substr(0, file.size() - 1), ""},
      {"one bit of a number", with(file.size() - 1, static_cast<char>(file.back() ^ 1)), "checksum"},
      {"not a number", nan, "checksum"},
      {"a head of 2^63 bytes", with(7, '\x7f'), ""},
      {"another format", replaced("fulmar state", "fulmar stone"), "fulmar stone"},
      {"a newer version", replaced(R"("version":"1")", R"("version":"9")"), "newer"},
      {"tokens below 0", replaced(R"("fed":"7")", R"("fed":"-")"), "fed"},
      {"another dtype", replaced("F32", "I32"), ""},
      {"of another model", made([](State& s) { s.model.bytes[0] ^= 1; }), "another model"},
      {"of another size", made([](State& s) { s.floats.push_back(0); }), "numbers"},
      {"a token outside of the vocabulary", made([](State& s) { s.unfed = {4000}; }), "4000"},
  };
  for (const Case& one : cases) {
    const std::string said = complaint(service.post("/state/import", one.body), 400);
    EXPECT_THAT(said, HasSubstr(one.says)) << one.name;
    EXPECT_FALSE(said.empty()) << one.name;
    EXPECT_FALSE(service.engine->sessions().entry("t")) << one.name;
  }
  EXPECT_EQ(service.post("/state/import", file).status, 200) << "the same file as it was";
}

}  // namespace
}  // namespace fulmar::test
