// Holds this source tree to its own rules: layers, firewalls, length, first lines and portable paths.
#include <gmock/gmock.h>

#include "house/rules.h"

namespace fulmar::house {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const std::vector<SourceFile>& tree() {
  static const std::vector<SourceFile> files = read_tree(FULMAR_SOURCE_DIR);
  return files;
}

template <typename Check>
Findings over_tree(Check check) {
  Findings all;
  for (const SourceFile& file : tree()) {
    for (std::string& finding : check(file)) all.push_back(std::move(finding));
  }
  return all;
}

TEST(House, TheWalkSeesTheSources) {
  const auto paths = paths_of(tree());
  for (const char* path :
       {"src/ops/ops.h", "include/fulmar/engine.h", "fulmar.sh", "CMakeLists.txt", ".ci/run", "docs/architecture.md"}) {
    EXPECT_EQ(paths.count(path), 1u) << path;
  }
}

TEST(House, ALayerIncludesOnlyLowerOnes) {
  const auto paths = paths_of(tree());
  EXPECT_THAT(over_tree([&](const SourceFile& file) { return check_layers(file, paths); }), IsEmpty());
}

TEST(House, TheDocumentsShowTheLayerTable) {
  std::map<std::string, std::set<std::string>> table;
  for (const Layer& layer : layers())
    table[std::string(layer.folder)] = {layer.may_include.begin(), layer.may_include.end()};
  for (const SourceFile& file : tree())
    if (file.path == "docs/architecture.md") {
      EXPECT_EQ(documented_layers(file.text), table);
    }
}

TEST(House, ForeignHeadersStayBehindTheirFirewall) {
  EXPECT_THAT(over_tree([](const SourceFile& file) {
                const bool product = !file.path.starts_with("tests/");
                return product ? check_firewalls(file) : Findings{};
              }),
              IsEmpty());
}

TEST(House, NeighboursThatAreCompiledInOneGoShareNoName) {
  EXPECT_THAT(check_own_names(tree()), IsEmpty());
}

TEST(House, NoSourceIsTooLongToRead) {
  EXPECT_THAT(over_tree(check_length), IsEmpty());
}

TEST(House, EverySourceSaysWhatItIsFor) {
  EXPECT_THAT(over_tree(check_first_line), IsEmpty());
}

TEST(House, NoFileNamesAPathOfOneMachine) {
  EXPECT_THAT(over_tree(check_machine_paths), IsEmpty());
}

}  // namespace
}  // namespace fulmar::house
