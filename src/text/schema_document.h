// A JSON schema's text as places that know their path, and what its references point to.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_tree.h"
#include "text/schema_bounds.h"

namespace fulmar {

using SchemaPlace = uint32_t;

// Throws Error(bad_request), "PATH: SENTENCE", with the path as its param.
[[noreturn]] void fail_at(const std::string& path, std::string_view sentence);
// The error that is being caught, with the path of where it came from unless it has one.
[[noreturn]] void rethrow_at(const std::string& path);

class SchemaDocument {
 public:
  // Throws Error(bad_request), which calls the schema `name`.
  SchemaDocument(std::string_view text, std::string_view name);
  SchemaDocument(const SchemaDocument&) = delete;

  SchemaPlace root() { return place(&tree_, name_, 0); }
  const JsonNode& node(SchemaPlace place) const { return *places_[place].node; }
  const std::string& path(SchemaPlace place) const { return places_[place].path; }
  // The value of a keyword, and one inside it.
  SchemaPlace member(SchemaPlace place, std::string_view key);
  SchemaPlace item(SchemaPlace place, std::size_t index);
  // What a $ref at `place` means: in this text, or it throws Error(bad_request).
  SchemaPlace target(SchemaPlace place, std::string_view reference);
  // Up to draft 7, what stands beside a $ref does not count.
  bool only_reference(const JsonNode& node) const { return old_references_ && node.find("$ref") != nullptr; }

 private:
  struct Place {
    const JsonNode* node;
    std::string path;
    uint32_t resource;
  };
  struct Resource {  // the text, or a part of it with a name ($id) of its own
    std::string uri, path;
    const JsonNode* root;
    std::map<std::string, std::pair<const JsonNode*, std::string>, std::less<>> anchors;
  };

  SchemaPlace place(const JsonNode* node, std::string path, uint32_t resource);
  void walk(const JsonNode& node, const std::string& path, uint32_t resource);
  SchemaPlace follow(uint32_t resource, std::string_view pointer, const std::string& said_at);

  std::string name_;
  JsonNode tree_;
  bool old_references_ = false;
  std::vector<Place> places_;
  std::map<const JsonNode*, SchemaPlace> known_;
  std::vector<Resource> resources_;
  std::map<const JsonNode*, uint32_t> resource_of_;
};

}  // namespace fulmar
