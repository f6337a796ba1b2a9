// The layer table and the compile firewalls, held against every #include.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "house/rules.h"

namespace fulmar::house {

using Words = std::vector<std::string_view>;

// A folder is judged by the first row it stands under, so what is in a folder comes before it.
const std::vector<Layer>& layers() {
  // No request, no event and no sampler: of those layers the model gets single headers.
  static const Words below_model = {"src/base",
                                    "include/shared",
                                    "include/fulmar/adapter.h",
                                    "include/fulmar/error.h",
                                    "include/fulmar/model.h",
                                    "include/fulmar/state.h",
                                    "src/tensor",
                                    "src/text/tokenizer.h",
                                    "src/text/json_fields.h", "src/text/sampling_profiles.h",
                                    "src/weights",
                                    "src/ops",
                                    "src/rwkv",
                                    "src/cpu",
                                    "src/vulkan"};
  static const Words up_to_model = {"src/base", "include",  "src/tensor", "src/text",   "src/weights",
                                    "src/ops",  "src/rwkv", "src/cpu",    "src/vulkan", "src/model"};
  const auto and_also = [](Words words, std::string_view more) {
    words.push_back(more);
    return words;
  };
  static const Words as_inspect = and_also(up_to_model, "src/engine/model_template.h"),
                     below_engine = and_also(up_to_model, "src/state");
  static const std::vector<Layer> table = {
      {"src/base", {"include/fulmar/error.h"}},
      {"include/shared", {"src/base"}},
      {"include/fulmar", {"include/shared", "src/base"}},
      {"src/client", {"src/base", "include/fulmar/client_c.h"}},  // and links nothing of the others
      {"src/tensor", {"src/base", "include"}},
      {"src/text", {"src/base", "include"}},
      {"src/weights", {"src/base", "include", "src/tensor"}},
      {"src/state", {"src/base", "include", "src/tensor", "src/weights"}},
      {"src/ops", {"src/base", "include", "src/tensor"}},
      {"src/rwkv", {"src/base", "include", "src/tensor", "src/weights", "src/ops"}},
      {"src/cpu", {"src/base", "include", "src/tensor", "src/ops"}},     // blind to the other backends
      {"src/vulkan", {"src/base", "include", "src/tensor", "src/ops"}},  // likewise
      {"src/model", below_model},
      {"src/engine", below_engine},
      {"server/http", {"src/base", "include/fulmar"}},
      {"server/host", {"src/base", "include/fulmar"}},
      {"server/answer", {"src/base", "include/fulmar", "server/http", "server/host"}},
      {"server/api/*",
       {"src/base", "include/fulmar", "server/http", "server/host", "server/answer"}},  // blind to the other families
      {"server/api", {"src/base", "include/fulmar", "server/http", "server/host", "server/answer"}},
      {"tools/inspect", as_inspect},  // these look inside what they report on
      {"tools/convert", up_to_model},
      {"tools/logits", up_to_model},
      {"tools/bench", up_to_model},
      {"tools/bandwidth", up_to_model},
      {"tools/devices", up_to_model},
      {"tools/model_flags", up_to_model},
      {"tools/tokenize", up_to_model},
      {"tools/sessions", up_to_model},
      // A client like any other: nothing of the server, nor of the model, is in its way.
      {"tools/load", {"src/base", "include/fulmar/error.h", "src/text/tokenizer.h"}},
      {"tools", {"src/base", "include/fulmar", "server"}},
      {"shaders", {"include/shared"}},
  };
  return table;
}

namespace {

struct Firewall {
  Words headers;  // beginnings of the included name
  Words allowed;  // beginnings of the including file's path
  std::string_view why;
};

const std::vector<Firewall>& firewalls() {
  static const std::vector<Firewall> table = {
      {{"boost/beast"}, {"server/http", "tools/load/exchange.cpp"}, "Beast lives in server/http, and where its clients are played"},
      {{"boost/asio"},
       {"server/http", "server/api/serve.cpp", "tools/load/exchange.cpp"},
       "sockets live in server/http, whose loop serve starts, and where its clients are played"},
      {{"boost/json"},
       {"server/answer", "server/api", "src/weights", "src/text/bpe", "src/text/json_tokenizer",
        "src/text/json_fields", "src/text/json_tree", "tools"},
       "JSON is read where it arrives"},
      {{"vulkan/vulkan", "vulkan/vk_", "vk_video/"}, {"src/vulkan"}, "only the Vulkan backend knows Vulkan"},
      {{"hwy/"},
       {"src/cpu", "src/text/selection", "cmake/cpu_targets.cmake"},
       "vectors are for the CPU backend and the sampler's passes"},
      {{"utf8proc"}, {"src/text/unicode"}, "one place knows Unicode's tables"},
      {{"sqlite3"}, {"src/state/sqlite.cpp"}, "one place speaks to SQLite"},
      {{"spdlog/"}, {"src/base/log"}, "one logger, on stderr, that obeys --log-level"},
      {{"CLI/"}, {"tools/command_line.cpp"}, "CLI11 takes seconds to compile: once is enough"},
      {{"unistd.h",  "sys/",       "dlfcn.h",  "fcntl.h",  "poll.h",    "pthread.h", "sched.h", "signal.h",
        "spawn.h",   "termios.h",  "netinet/", "netdb.h",  "arpa/",    "mach/",     "mach-o/",   "linux/",  "windows.h",
        "Windows.h", "winsock2.h", "ws2tcpip.h", "io.h",     "direct.h", "process.h", "psapi.h"},
       {"src/base", "src/client/socket"},
       "calls to the operating system live in src/base, POSIX and Windows side by side; sockets of the client in src/client"},
  };
  return table;
}

struct Include {
  int line;
  std::string name;
};

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> found;
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const size_t hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line[hash] != '#') continue;
    const size_t word = line.find_first_not_of(" \t", hash + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
    const size_t open = line.find_first_of("\"<", word);
    if (open == std::string::npos) continue;
    const size_t close = line.find(line[open] == '<' ? '>' : '"', open + 1);
    if (close != std::string::npos) found.push_back({number, line.substr(open + 1, close - open - 1)});
  }
  return found;
}

// `path` is the folder or header itself, or begins with it at a word's end ("tools/bench" owns
// tools/bench_ops.cpp).
bool stands_under(std::string_view path, std::string_view place) {
  if (!path.starts_with(place)) return false;
  return path.size() == place.size() || std::string_view("/._").find(path[place.size()]) != path.npos;
}

// What a layer's files are to each other: the folder itself; of "server/api/*" the one folder in it that `path` is in,
// empty where it is in none.
std::string_view own_folder(const Layer& layer, std::string_view path) {
  const std::string_view folder = layer.folder;
  if (!folder.ends_with("/*")) return folder;
  const std::string_view above = folder.substr(0, folder.size() - 1);
  const size_t end = path.starts_with(above) ? path.find('/', above.size()) : path.npos;
  return end == path.npos ? std::string_view() : path.substr(0, end);
}

const Layer* layer_of(std::string_view path) {
  const auto& table = layers();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Layer& layer) {
    const std::string_view own = own_folder(layer, path);
    return !own.empty() && stands_under(path, own);
  });
  return found == table.end() ? nullptr : &*found;
}

// The file of the tree that an include means, as the compiler would find it; empty for foreign and generated
// ones.
std::string resolve(const std::string& includer, const std::string& name, const std::set<std::string>& tree) {
  const std::string folder = includer.substr(0, includer.rfind('/') + 1);
  for (const std::string& root :
       {folder, std::string("src/"), std::string("include/"), std::string("server/"), std::string("shaders/"),
        std::string("tools/"), std::string("tests/"), std::string()}) {
    const std::string path = std::filesystem::path(root + name).lexically_normal().generic_string();
    if (tree.count(path) != 0) return path;
  }
  return {};
}

}  // namespace

Findings check_layers(const SourceFile& file, const std::set<std::string>& tree) {
  const Layer* layer = layer_of(file.path);
  if (layer == nullptr) {
    const bool ours = file.path.starts_with("src/") || file.path.starts_with("include/") ||
                      file.path.starts_with("server/");
    const bool code = file.path.ends_with(".cpp") || file.path.ends_with(".h");
    if (ours && code) return {fmt::format("{}: stands in no layer of the table", file.path)};
    return {};
  }
  // The commands are one folder, whatever they may look into; a folder among them is for itself.
  const bool command = layer->folder.starts_with("tools") && file.path.find('/', std::string_view("tools/").size()) == file.path.npos;
  const std::string_view own = command ? "tools" : own_folder(*layer, file.path);
  Findings findings;
  for (const Include& include : includes_of(file.text)) {
    const std::string target = resolve(file.path, include.name, tree);
    if (target.empty() || stands_under(target, own)) continue;
    const bool allowed = std::any_of(layer->may_include.begin(), layer->may_include.end(),
                                     [&](std::string_view place) { return stands_under(target, place); });
    if (!allowed) {
      findings.push_back(fmt::format("{}:{}: includes {}, but {} may reach only {}", file.path, include.line,
                                     target, layer->folder, fmt::join(layer->may_include, ", ")));
    }
  }
  return findings;
}

Findings check_firewalls(const SourceFile& file) {
  Findings findings;
  for (const Include& include : includes_of(file.text)) {
    for (const Firewall& wall : firewalls()) {
      const auto begins = [](std::string_view text) {
        return [text](std::string_view beginning) { return text.starts_with(beginning); };
      };
      if (std::none_of(wall.headers.begin(), wall.headers.end(), begins(include.name))) continue;
      if (std::any_of(wall.allowed.begin(), wall.allowed.end(), begins(file.path))) continue;
      findings.push_back(
          fmt::format("{}:{}: includes <{}>: {}", file.path, include.line, include.name, wall.why));
    }
  }
  return findings;
}

}  // namespace fulmar::house
