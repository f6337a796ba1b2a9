// The spelling of EmbeddingRWKV's checkpoints: a v7 model below "rwkv." without a use for its head, and beside it small
// heads that make vectors of what the final norm gives.
#include "weights/names.h"

namespace fulmar {

SourcePtr embedding_names(const SourcePtr& source) {
  constexpr std::string_view model = "rwkv.", heads = "head.", one_head = "_head.";
  const auto sees_images = [](std::string_view name) { return name.starts_with("vit.") || name.starts_with("proj."); };
  if (!source->info("rwkv.emb.weight") || !source->info("head.retr_head.fc1.weight")) return nullptr;
  std::vector<Renamed> names;
  for (const std::string& name : source->names()) {
    if (name == "rwkv.head.weight" || sees_images(name)) continue;
    const size_t end = name.find(one_head);
    if (name.starts_with(model))
      names.push_back({name.substr(model.size()), name});
    else if (name.starts_with(heads) && end != name.npos)  // "head.retr_head.fc1.weight" -> "embedding.retr.fc1.weight"
      names.push_back({"embedding." + name.substr(heads.size(), end - heads.size()) + "." +
                           name.substr(end + one_head.size()),
                       name});
    else
      names.push_back({name, name});
  }
  return rename(source, std::move(names));
}

}  // namespace fulmar
