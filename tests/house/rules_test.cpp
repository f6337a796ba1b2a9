// Shows that each house rule can fail, and that it lets through what it should.
#include "house/rules.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace fulmar::house {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::set<std::string> tree = {
    "src/base/fail.h",         "src/base/half.h",       "include/fulmar/engine.h", "include/fulmar/error.h",
    "include/shared/lang.h",   "src/tensor/tensor.h",   "src/text/tokenizer.h",    "src/weights/source.h",
    "src/ops/tape.h",          "src/rwkv/config.h",     "src/cpu/backend.h",       "src/vulkan/backend.h",
    "src/model/model.h",       "src/engine/queue.h",    "src/text/sampler.h",      "include/fulmar/model.h",
    "include/fulmar/event.h",  "include/fulmar/request.h", "server/http/connection.h", "server/api/openai.h",
    "server/api/ollama/chat.h", "server/api/openai/chat.h", "server/api/context.h", "tools/commands.h"};

Findings layers(std::string path, std::string text) {
  return check_layers({std::move(path), std::move(text)}, tree);
}
Findings walls(std::string path, std::string text) {
  return check_firewalls({std::move(path), std::move(text)});
}

TEST(LayerRule, NamesTheLineThatReachesUp) {
  EXPECT_THAT(layers("src/ops/tape.cpp", "// Ops.\n#include \"ops/tape.h\"\n#include \"model/model.h\"\n"),
              ElementsAre(HasSubstr("src/ops/tape.cpp:3: includes src/model/model.h")));
}

TEST(LayerRule, KeepsBackendsBlindToEachOther) {
  EXPECT_THAT(layers("src/cpu/backend.cpp", "#include \"vulkan/backend.h\"\n"), SizeIs(1));
  EXPECT_THAT(layers("src/vulkan/backend.cpp", "#include \"cpu/backend.h\"\n"), SizeIs(1));
  EXPECT_THAT(layers("src/vulkan/backend.cpp", "#include \"rwkv/config.h\"\n"), SizeIs(1));
}

TEST(LayerRule, KeepsRequestsEventsAndDrawingOutOfTheModel) {
  for (const char* header : {"fulmar/request.h", "fulmar/event.h", "fulmar/engine.h", "text/sampler.h", "engine/queue.h"})
    EXPECT_THAT(layers("src/model/load.cpp", fmt::format("#include \"{}\"\n", header)), SizeIs(1)) << header;
  for (const char* header : {"fulmar/model.h", "fulmar/error.h", "text/tokenizer.h", "rwkv/config.h", "cpu/backend.h"})
    EXPECT_THAT(layers("src/model/load.cpp", fmt::format("#include \"{}\"\n", header)), IsEmpty()) << header;
  EXPECT_THAT(layers("src/engine/engine.cpp", "#include \"model/model.h\"\n#include \"fulmar/event.h\"\n"), IsEmpty());
}

TEST(LayerRule, KeepsFamiliesOfEndpointsBlindToEachOther) {
  const std::string both = "#include \"api/openai/chat.h\"\n#include \"api/ollama/chat.h\"\n";
  EXPECT_THAT(layers("server/api/openai/chat.cpp", both),
              ElementsAre(HasSubstr("server/api/openai/chat.cpp:2: includes server/api/ollama/chat.h")));
  EXPECT_THAT(layers("server/api/openai/chat.cpp", "#include \"api/context.h\"\n"), SizeIs(1)) << "nor up";
  EXPECT_THAT(layers("server/api/routes.cpp", both), IsEmpty()) << "the table of endpoints knows them all";
}

TEST(LayerRule, SeesThroughSpacesAnglesAndRelativePaths) {
  EXPECT_THAT(layers("src/base/fail.cpp", "  #  include <tensor/tensor.h>\n"), SizeIs(1));
  EXPECT_THAT(layers("src/text/stop.cpp", "#include \"../weights/source.h\"\n"), SizeIs(1));
}

TEST(LayerRule, LetsBaseKnowErrorsOnly) {
  EXPECT_THAT(layers("src/base/fail.h", "#include \"fulmar/error.h\"\n"), IsEmpty());
  EXPECT_THAT(layers("src/base/fail.h", "#include \"fulmar/engine.h\"\n"), SizeIs(1));
}

TEST(LayerRule, HoldsTheServerToThePublicInterface) {
  EXPECT_THAT(layers("server/api/openai.cpp", "#include \"fulmar/engine.h\"\n#include \"http/connection.h\"\n"),
              IsEmpty());
  EXPECT_THAT(layers("server/api/openai.cpp", "#include \"text/tokenizer.h\"\n"), SizeIs(1));
  EXPECT_THAT(layers("server/http/connection.cpp", "#include \"api/openai.h\"\n"), SizeIs(1));
}

TEST(LayerRule, LetsOnlyTheLookingToolsLookDeeper) {
  EXPECT_THAT(layers("tools/bench_ops.cpp", "#include \"model/model.h\"\n#include \"commands.h\"\n"),
              IsEmpty());
  EXPECT_THAT(layers("tools/bench_ops.cpp", "#include \"engine/queue.h\"\n"), SizeIs(1));
  EXPECT_THAT(layers("tools/serve.cpp", "#include \"model/model.h\"\n"), SizeIs(1));
  EXPECT_THAT(layers("tools/benchmarks.cpp", "#include \"model/model.h\"\n"), SizeIs(1));
  EXPECT_THAT(layers("tools/load/exchange.cpp", "#include \"http/connection.h\"\n"), SizeIs(1)) << "a client like any other";
  EXPECT_THAT(layers("tools/load/exchange.cpp", "#include \"commands.h\"\n"), SizeIs(1)) << "a folder for itself";
}

TEST(LayerRule, WantsEveryFolderInTheTable) {
  EXPECT_THAT(layers("src/extra/new.cpp", "// New.\n"), ElementsAre(HasSubstr("no layer")));
  EXPECT_THAT(layers("tests/ops/ops_test.cpp", "#include \"model/model.h\"\n"), IsEmpty());
}

TEST(LayerRule, IsBroughtToEveryLayer) {
  // The highest of our headers is out of reach for every layer below the model.
  for (const char* folder :
       {"src/base", "include/shared", "include/fulmar", "src/client", "src/tensor", "src/text", "src/weights", "src/ops",
        "src/rwkv", "src/cpu", "src/vulkan", "server/http", "server/answer", "server/api", "server/api/family", "shaders"}) {
    EXPECT_THAT(layers(std::string(folder) + "/any.h", "#include \"model/model.h\"\n"), SizeIs(1)) << folder;
  }
}

TEST(DocumentedLayers, AreReadFromTheTableAndNothingElse) {
  const auto table = documented_layers(
      "# Layers\n`x` | y\n| folder | what | may include |\n|---|---|---|\n"
      "| `src/a`, `src/b` | `words` | `include/c.h`, `src/d` |\n| `src/e` | f | + `src/a` |\n\n| `no` | more | `rows` |\n");
  const std::map<std::string, std::set<std::string>> expected = {
      {"src/a", {"include/c.h", "src/d"}}, {"src/b", {"include/c.h", "src/d"}}, {"src/e", {"src/a"}}};
  EXPECT_EQ(table, expected);
  EXPECT_THAT(documented_layers("no table"), IsEmpty());
}

TEST(FirewallRule, NamesTheReasonAndTheLine) {
  EXPECT_THAT(walls("server/api/openai.cpp", "// Api.\n#include <boost/beast/http.hpp>\n"),
              ElementsAre(HasSubstr("server/api/openai.cpp:2")));
}

TEST(FirewallRule, KeepsEachForeignHeaderInItsPlace) {
  const struct {
    const char* header;
    const char* home;
    const char* elsewhere;
  } cases[] = {
      {"boost/beast/http.hpp", "server/http/connection.cpp", "server/api/serve.cpp"},
      {"boost/asio/io_context.hpp", "server/http/server.cpp", "src/engine/engine.cpp"},
      {"boost/json.hpp", "src/weights/safetensors.cpp", "server/http/connection.cpp"},
      {"vulkan/vulkan.h", "src/vulkan/device.cpp", "src/model/model.cpp"},
      {"hwy/highway.h", "src/cpu/linear.cpp", "src/tensor/format.cpp"},
      {"spdlog/spdlog.h", "src/base/log.cpp", "src/engine/engine.cpp"},
      {"sqlite3.h", "src/state/sqlite.cpp", "src/state/store.cpp"},
      {"CLI/CLI.hpp", "tools/command_line.cpp", "tools/main.cpp"},
      {"unistd.h", "src/base/platform_posix.cpp", "src/cpu/backend.cpp"},
      {"sys/mman.h", "src/base/mapped_file.cpp", "src/weights/pth.cpp"},
      {"windows.h", "src/base/platform_windows.cpp", "tools/chat.cpp"},
      {"signal.h", "src/base/platform_posix.cpp", "tools/serve.cpp"},
      {"sys/socket.h", "src/client/socket.cpp", "src/client/loop.cpp"},
  };
  for (const auto& c : cases) {
    const std::string line = std::string("#include <") + c.header + ">\n";
    EXPECT_THAT(walls(c.home, line), IsEmpty()) << c.header;
    EXPECT_THAT(walls(c.elsewhere, line), SizeIs(1)) << c.header;
  }
  EXPECT_THAT(walls("tools/serve.cpp", "#include <csignal>\n"), IsEmpty());
}

TEST(OwnNameRule, FindsWhatNeighboursCallAlike) {
  const auto file = [](std::string path, const std::string& lines) {
    return SourceFile{std::move(path), "// A file.\nnamespace {\n" + lines + "}  // namespace\nstruct Shown {\n};\n"};
  };
  const SourceFile one = file("src/text/one.cpp", "struct Row {\n};\nconstexpr int most = 3, least[] = {1};\nint f(int x) {\n}\n");
  EXPECT_THAT(check_own_names({one, file("src/text/two.cpp", "class Row final {\n};\n")}), ElementsAre(HasSubstr("two.cpp:3: Row")));
  EXPECT_THAT(check_own_names({one, file("src/text/two.cpp", "constexpr std::string_view most = \"x\";\n")}), SizeIs(1));
  EXPECT_THAT(check_own_names({one, file("src/text/two.cpp", "constexpr int most_rows[] = {2};\nint f(char c) {\n}\n")}), IsEmpty());
  EXPECT_THAT(check_own_names({one, file("src/text/two.cpp", "int f(int x) {\n}\n")}), SizeIs(1));
  const SourceFile alias = file("src/text/three.cpp", "using Clock = Steady;\n");
  EXPECT_THAT(check_own_names({alias, file("src/text/two.cpp", "using Clock = Steady;\n")}), IsEmpty()) << "one and the same thing";
  EXPECT_THAT(check_own_names({alias, file("src/text/two.cpp", "using Clock = System;\n")}), SizeIs(1));
  EXPECT_THAT(check_own_names({one, file("src/base/two.cpp", "struct Row {\n};\n")}), IsEmpty()) << "another library";
  EXPECT_THAT(check_own_names({one, file("src/text/two.cpp", "using enum Kind;\nstruct Row {\n};\n")}), IsEmpty()) << "compiled alone";
}

TEST(LengthRule, CountsLinesInEveryKindOfSource) {
  std::string full;
  for (int line = 0; line < max_lines; ++line) full += "x\n";
  for (const char* path :
       {"a.cpp", "a.h", "a.glsl", "a.comp", "a.py", "a.sh", "a.cmake", "a.mjs", ".ci/run"}) {
    EXPECT_THAT(check_length({path, full}), IsEmpty()) << path;
    EXPECT_THAT(check_length({path, full + "one more"}), SizeIs(1)) << path;
  }
  EXPECT_THAT(check_length({"data.json", full + full}), IsEmpty());
}

TEST(FirstLineRule, WantsASentenceAboutTheFile) {
  EXPECT_THAT(check_first_line({"a.cpp", "// Reads what the user wrote.\nint a;\n"}), IsEmpty());
  EXPECT_THAT(check_first_line({"a.py", "\"\"\"Makes a small model.\"\"\"\n"}), IsEmpty());
  EXPECT_THAT(check_first_line({"a.sh", "#!/bin/sh\n# Runs all the tests.\n"}), IsEmpty());
  EXPECT_THAT(check_first_line({"a.sh", "#!/bin/sh\nset -e\n"}), SizeIs(1));
  EXPECT_THAT(check_first_line({"a.h", "#pragma once\n// Too late to say so.\n"}), SizeIs(1));
  EXPECT_THAT(check_first_line({"a.h", "// a.h\n"}), SizeIs(1));
  EXPECT_THAT(check_first_line({"a.comp", ""}), SizeIs(1));
}

TEST(MachinePathRule, FindsPathsOfOnesOwnDisk) {
  const std::string home = std::string("/") + "home/me";
  EXPECT_THAT(check_machine_paths({"a.md", "See " + home + "/notes.\n"}), ElementsAre(HasSubstr("a.md:1")));
  EXPECT_THAT(check_machine_paths({"a.cpp", "int a;\nopen(\"" + home + "/x\");\n"}),
              ElementsAre(HasSubstr("a.cpp:2")));
  EXPECT_THAT(check_machine_paths({"a.md", "https://example.org" + home + "/\n"}), IsEmpty());
  EXPECT_THAT(check_machine_paths({"a.cmake", "${root}" + home + "/\n"}), IsEmpty());
  const std::string temporary = std::string("/") + "tmp/x";
  EXPECT_THAT(check_machine_paths({"a.cpp", "open(\"" + temporary + "\");\n"}), SizeIs(1));
  EXPECT_THAT(check_machine_paths({"a.md", "make " + temporary + "\n"}), IsEmpty());
  EXPECT_THAT(check_machine_paths({"a.sh", "cat /etc/os-release /usr/lib/x\n"}), IsEmpty());
}

}  // namespace
}  // namespace fulmar::house
