// A server over a host of fakes, with a folder of files that requests may name.
#pragma once
#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>

#include "base/fail.h"
#include "server/harness.h"

namespace fulmar::test {

namespace fs = std::filesystem;

// Files called "broken" cannot be loaded.
struct InferService {
  explicit InferService(const std::string& password = {}, bool with_keys = false) {
    set_log_level("off");
    root = fs::temp_directory_path() / fmt::format("infer_test_{}", static_cast<const void*>(this));
    folder = root / "models";
    fs::create_directories(folder);
    fs::create_directories(root / "states");
    for (const char* name : {"models/a.pth", "models/b.pth", "models/broken.pth", "models/style.pth", "models/facts.pth",
                             "states/one.pth", "states/two.pth"})
      std::ofstream(root / name) << "x";
    host::HostOptions options;
    options.folders = {folder.string(), (root / "states").string()};
    options.make = [this](const EngineOptions& wanted) -> std::unique_ptr<Engine> {
      if (fs::path(wanted.model.file).stem() == "broken") fail(ErrorKind::bad_file, "broken.pth is no model");
      FakeOptions fake;
      fake.id = wanted.model.name;
      auto made = std::make_unique<FakeEngine>(fake);
      engine = made.get();
      spec = wanted.model;
      return made;
    };
    host = std::make_unique<host::Host>(options);
    context.host = host.get();
    context.password = password;
    context.stop = [this] { ++stopped; };
    if (with_keys) context.admin_keys[0] = "left", context.admin_keys[1] = "right";
    http::ServerOptions http;
    http.port = 0;
    http.password = password;
    server = std::make_unique<http::Server>(http, api::make_router(context));
    server->start();
  }
  ~InferService() {
    server->stop();
    host.reset();
    fs::remove_all(root);
  }

  Answer get(std::string_view path) const { return Client(server->port()).get(path); }
  Answer post(std::string_view path, const json::value& body) const {
    return Client(server->port()).post(path, json::serialize(body));
  }
  // What must be done.
  void must(std::string_view path, const json::value& body) const {
    const Answer answer = post(path, body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, R"({"status":"success"})");
  }
  // The sentence of an error.
  std::string detail(std::string_view path, const json::value& body, int status) const {
    const Answer answer = post(path, body);
    EXPECT_EQ(answer.status, status) << answer.body;
    boost::system::error_code bad;
    const json::value value = json::parse(answer.body, bad);
    if (bad || !value.is_object() || value.get_object().size() != 1 || !value.get_object().contains("detail")) {
      ADD_FAILURE() << "no error of this family: " << answer.body;
      return {};
    }
    return std::string(value.at("detail").as_string());
  }
  // What the engine is asked for a chat.
  Request chat(json::object more) const {
    json::object body = {{"messages", json::array{{{"role", "user"}, {"content", "say yes"}}}}};
    for (const auto& member : more) body[member.key()] = member.value();
    const Answer answer = post("/chat/completions", body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return engine->last_request();
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> all;
    const json::value models = json::parse(get("/models").body);
    for (const json::value& model : models.as_array()) {
      EXPECT_EQ(model.at("object"), "models");
      EXPECT_EQ(model.as_object().size(), 2u);
      all.emplace_back(model.at("id").as_string());
    }
    return all;
  }

  fs::path root, folder;  // the latter has the models
  FakeEngine* engine = nullptr;  // the one made last
  ModelSpec spec;                // and what of
  std::atomic<int> stopped{0};
  api::Context context;
  std::unique_ptr<host::Host> host;
  std::unique_ptr<http::Server> server;
};

}  // namespace fulmar::test
