// What the table of routes says of itself, which /openapi.json repeats.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "server/harness.h"

namespace fulmar::test {
namespace {

std::string name_of(const api::Row& row) {
  return std::string(row.method) + ' ' + row.path;
}

TEST(Rows, ABodyThatIsReadHasATable) {
  for (const api::Row& row : api::all_rows()) {
    if (row.content == api::Content::object && std::string_view(row.method) == "POST") {
      EXPECT_NE(row.about.body, nullptr) << name_of(row) << ": which table is its body read by? no_fields where it is not";
    }
    if (row.content == api::Content::bytes) {
      EXPECT_EQ(row.about.body, nullptr) << name_of(row);
    }
  }
}

TEST(Rows, WhatStandsInAQueryIsInADocument) {
  std::string text;
  for (const auto& page : std::filesystem::directory_iterator(FULMAR_SOURCE_DIR "/docs")) {
    std::ifstream file(page.path());
    text.append(std::istreambuf_iterator<char>(file), {});
  }
  for (const api::Row& row : api::all_rows()) {
    if (!row.about.query) continue;
    for (const api::Field& field : row.about.query->fields)
      EXPECT_NE(text.find('?' + std::string(field.name) + '='), text.npos) << name_of(row) << " takes " << field.name;
  }
}

}  // namespace
}  // namespace fulmar::test
