// Checkpoints in several files: an index names the file of every tensor, as Hugging Face writes it.
#include <algorithm>
#include <boost/json.hpp>

#include "base/utf8.h"
#include "weights/containers.h"

namespace fulmar {
namespace {

constexpr std::size_t max_shards = 1024;

class Sharded final : public Source {
 public:
  Sharded(FileErrors errors, std::vector<SourcePtr> shards,
          std::map<std::string, std::size_t, std::less<>> where, std::vector<std::string> names)
      : errors_(std::move(errors)),
        shards_(std::move(shards)),
        where_(std::move(where)),
        names_(std::move(names)) {}

  std::vector<std::string> names() const override { return names_; }
  std::optional<TensorRef> info(std::string_view name) const override {
    const Source* shard = find(name);
    return shard ? shard->info(name) : std::nullopt;
  }
  Tensor load(std::string_view name) const override {
    const Source* shard = find(name);
    if (!shard) errors_.bad("there is no tensor {}", name);
    return shard->load(name);
  }
  std::optional<std::string> metadata(std::string_view key) const override {
    for (const SourcePtr& shard : shards_)
      if (auto value = shard->metadata(key)) return value;
    return std::nullopt;
  }
  void release(std::string_view name) const override {
    if (const Source* shard = find(name)) shard->release(name);
  }
  std::string label() const override { return errors_.label; }

 private:
  const Source* find(std::string_view name) const {
    const auto found = where_.find(name);
    return found == where_.end() ? nullptr : shards_[found->second].get();
  }

  FileErrors errors_;
  std::vector<SourcePtr> shards_;
  std::map<std::string, std::size_t, std::less<>> where_;
  std::vector<std::string> names_;
};

// A shard lies beside its index: anything that could lead elsewhere is refused, and what no file can be
// called.
bool is_plain_name(std::string_view name) {
  constexpr std::size_t longest = 255;
  return !name.empty() && name.size() <= longest && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\:\0", 4)) == std::string_view::npos;
}

}  // namespace

SourcePtr open_index(const FileErrors& errors, std::string_view index,
                     const std::function<SourcePtr(const std::string&)>& open_shard) {
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse({index.data(), index.size()}, error);
  if (error) errors.bad("is not valid JSON: {}", error.message());
  const auto* map = parsed.is_object() ? parsed.get_object().if_contains("weight_map") : nullptr;
  if (!map || !map->is_object()) errors.bad("has no object \"weight_map\" that says where the tensors are");

  std::vector<SourcePtr> shards;
  std::vector<std::string> files;
  std::map<std::string, std::size_t> opened;
  std::map<std::string, std::size_t, std::less<>> where;
  std::vector<std::string> names;
  for (const auto& [key, value] : map->get_object()) {
    refuse_too_many(errors, names.size());
    const std::string name(key);
    if (!value.is_string()) errors.bad("the place of {} is not a string", shown(name));
    const std::string file(value.get_string());
    if (!is_plain_name(file))
      errors.bad("the place of {} is not the name of a file beside the index: '{}'", shown(name),
                 shown(file));
    const auto [found, added] = opened.emplace(file, shards.size());
    if (added) {
      if (shards.size() == max_shards) errors.bad("names more than {} files", max_shards);
      shards.push_back(open_shard(file));
      files.push_back(file);
    }
    if (!shards[found->second]->info(name)) errors.bad("{} should be in {}, but is not", shown(name), file);
    where.emplace(name, found->second);
    names.push_back(name);
  }
  // What the files hold beside that is part of the checkpoint too: two of a name would be two models.
  for (std::size_t i = 0; i < shards.size(); ++i)
    for (std::string& name : shards[i]->names()) {
      const auto [place, added] = where.emplace(name, i);
      if (!added && place->second != i)
        errors.bad("{} is in {} and in {} too", name, files[place->second], files[i]);
      if (!added) continue;
      refuse_too_many(errors, names.size());
      names.push_back(std::move(name));
    }
  return std::make_shared<Sharded>(errors, std::move(shards), std::move(where), std::move(names));
}

}  // namespace fulmar
